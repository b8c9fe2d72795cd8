// A StateDocument for people and for scripts. Pure: text from values.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "common/fsm/standby_names.h"
#include "common/protocol/protocol.h"

namespace autoctl::cli {

/// The field's table, and below it one line for each thing that is not as it should be. Where a line of `width` characters
/// has room for it, role and lag as well.
std::string state_table(const protocol::StateDocument& state, std::size_t width = 0);
/// Those lines alone.
std::string state_trouble(const protocol::StateDocument& state);
/// An array of nodes: the keys of `pg_autoctl show state --json`, and ours.
nlohmann::json state_json(const protocol::StateDocument& state);

/// "node2:5432", IPv6 in brackets.
std::string host_port(const std::string& host, int port);
/// "1", or "0/1" where the formation has groups.
std::string node_label(const std::string& formation_kind, GroupId group, NodeId node);

/// As the primary lists the standbys that commits wait for.
Priorities priorities_of(const protocol::StateDocument& state);

const protocol::FormationDocument* find_formation(const protocol::StateDocument& state, const std::string& name);

}  // namespace autoctl::cli
