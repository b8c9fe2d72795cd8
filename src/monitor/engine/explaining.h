// Which node would be the primary, and why not the others: a forecast for each group, from what the monitor knows of it.
#pragma once

#include <optional>
#include <string>

#include "monitor/engine/model.h"

namespace autoctl::monitor {

/// `formation` empty = all. Errors: not_found.
Result<protocol::ExplanationsDocument> explanations_document(const Model& model, const std::string& formation,
                                                             std::optional<GroupId> group, TimePoint now);

}  // namespace autoctl::monitor
