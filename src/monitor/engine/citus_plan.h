// What the monitor tells a Citus formation beyond its groups' goals: where the statements for each group go, which
// nodes have to be let in, and what became of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/protocol/protocol.h"
#include "monitor/engine/model.h"

namespace autoctl::monitor {

bool is_citus(const Model& model, const Group& group);

/// What the coordinator's primary does with the statements for a worker group, as it reports; nullopt where there is no
/// coordinator, or the group needs none.
std::optional<Traffic> traffic_of(const Model& model, const Group& group);

/// Where the statements for this group go, and whether they wait.
protocol::CitusRoute citus_route(const Model& model, const Group& group, TimePoint now);

/// All routes of a formation: part of the assignment of its coordinator's primary.
protocol::CitusPlan citus_plan(const Model& model, const std::string& formation, TimePoint now);

/// The formation's nodes of other groups.
std::vector<protocol::Peer> neighbours_of(const Model& model, const Group& group);

/// A worker group that has no coordinator yet says so; empty otherwise.
std::string missing_coordinator(const Model& model, const Group& group);

/// For `show citus`.
protocol::CitusDocument citus_document(const Model& model, const std::string& formation, TimePoint now);

/// Troubles and drifts that a coordinator's keeper reports now and did not before, or no longer: a sentence each.
std::vector<std::string> citus_news(const protocol::CitusFacts& before, const protocol::CitusFacts& now);

}  // namespace autoctl::monitor
