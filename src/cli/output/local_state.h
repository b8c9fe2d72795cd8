// A node by its own word, with pg_autoctl's keys.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "common/protocol/protocol.h"
#include "keeper/core/saved_state.h"

namespace autoctl::cli {

/// As `pg_autoctl show state --local --json` prints it.
nlohmann::json local_state_json(const protocol::NodeDocument& node);
/// As `pg_autoctl inspect fsm state` prints it, `postgres` beside it.
nlohmann::json keeper_state_json(const protocol::NodeDocument& node, const keeper::SavedState& saved, int pg_major);

}  // namespace autoctl::cli
