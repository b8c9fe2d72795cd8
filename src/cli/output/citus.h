// Where a Citus formation's statements are to go and where they go, for people and for scripts. Pure: text from values.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "common/protocol/protocol.h"

namespace autoctl::cli {

/// One line for each group, and below it what differs.
std::string citus_table(const protocol::StateDocument& state);
nlohmann::json citus_json(const protocol::StateDocument& state);

/// One line for each formation in which pg_dist_node is not as it should be; empty when all is well.
std::string citus_warnings(const protocol::StateDocument& state);

}  // namespace autoctl::cli
