// How far a primary's WAL was, and when, by its keeper's reports: what a standby may lack if that primary is lost. Only
// where an operator allows a failover to lose something; elsewhere nothing is kept.
#pragma once

#include "monitor/engine/model.h"

namespace autoctl::monitor {

void take_in_written(Node& node, const protocol::Report& report, const Settings& settings, TimePoint now);

/// Its lease is strict, or no longer is, from this version of its assignment on.
void begin_anew(Written& written, std::uint64_t version);

/// Of `standby`, should the group's primary, or the one that was deposed last, be lost; nullopt when nothing bounds it.
std::optional<Lack> lack_of(const Group& group, const Node& standby);

/// This process of the monitor has just begun, and may know less than the one before (a backup was restored): until all
/// have spoken, or the leases that the former one granted are over, another node may hold one.
bool another_may_lead(const Group& group, const Node& node, const Settings& settings, TimePoint now);

/// This node has to stop at the end of its lease, whatever streams from it: Assignment::strict_lease. One that was
/// deposed goes on to have to until its successor is told to promote.
bool is_strict_lease_of(const GroupSnapshot& group, const Settings& settings, const Node& node);

}  // namespace autoctl::monitor
