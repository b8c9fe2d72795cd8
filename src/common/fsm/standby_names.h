// A standby's name, and synchronous_standby_names made of such names. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/fsm/goal.h"

namespace autoctl {

/// "autoctl_standby_<id>": application_name and slot name of a standby, and the element in synchronous_standby_names.
std::string standby_name(NodeId id);
std::optional<NodeId> parse_standby_name(std::string_view name);
/// Candidate priorities; who is not in it has the default.
using Priorities = std::map<NodeId, int>;
/// "ANY 1 (autoctl_standby_2, …)" or "". The highest priority comes first, then the lowest id: for people, as Postgres
/// takes any of them.
std::string sync_names(const SyncQuorum& quorum, const Priorities& priorities = {});
/// The inverse; nullopt when the names are not ours.
std::optional<SyncQuorum> parse_sync_names(const std::string& text);

}  // namespace autoctl
