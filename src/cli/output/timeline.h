// The timelines of a group and where each node is on them, for people and for scripts. Pure: text from values.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "common/protocol/protocol.h"

namespace autoctl::cli {

/// For each group its timelines, then its nodes.
std::string timeline_table(const protocol::StateDocument& state);
nlohmann::json timeline_json(const protocol::StateDocument& state);

}  // namespace autoctl::cli
