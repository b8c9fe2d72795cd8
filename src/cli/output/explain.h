// Who would be the primary, as the monitor says, for people and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "common/protocol/protocol.h"

namespace autoctl::cli {

std::string explanation_text(const protocol::ExplanationsDocument& document);
/// An array with an object for each group; null where there is no primary, or no winner.
nlohmann::json explanation_json(const protocol::ExplanationsDocument& document);

}  // namespace autoctl::cli
