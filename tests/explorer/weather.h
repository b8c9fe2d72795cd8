// Faults that the world does not remember. In a plan with `any_weather` links are cut and heal, Postgres crashes or
// does not start, the monitor restarts, messages are lost or come late, WAL that a standby needs goes: any of them, at
// any time, as often as one likes. None of it is a part of the world, so that three nodes can be explored to the end.
//
// That is possible because safety does not ask why something does not happen. What a cut link or a crashed Postgres
// keeps from happening does not happen in some order of actions that is explored anyway; so a world says only what
// Postgres would do if it ran, and what would stream if the links were there. What the monitor hears of it is another
// matter: that a standby streams, that Postgres runs, that a node has reported since the monitor's restart belongs to
// what it may believe (Sight), like its verdicts. Of reports only this is remembered: that a node has reached its goal,
// and where. And only what a fault makes a keeper do is an action: a standby finds its WAL gone and copies; a candidate
// that crashes after its promotion comes up as a standby and is promoted once more.
//
// So there are more worlds than can be: the monitor may take a node for crashed and for sound by turns. What holds in
// all of them holds in all that can be.
#pragma once

#include <vector>

#include "monitor_model.h"

namespace autoctl::explorer {

/// The monitor hears that the node has reached its goal.
bool keeper_reports_success(World& world, int node);
/// A standby on its way to `catchingup` cannot go on from what it has: a rewind or copy begins.
bool copy_begins(World& world, int node);
/// Postgres crashes, and its keeper has seen to it that it runs again.
bool comes_up_again(World& world, int node);
/// In maintenance, with pg_ctl.
bool operator_starts(World& world, int node);

/// After an action on `before`: what is left of it to remember in any weather.
void forget_what_faults_change(World& world, const World& before);

/// What a world with remembered faults may be in one without: one of these has to be there.
std::vector<World> without_faults(const World& world);

/// A way to see a node.
struct Look {
  monitor::Verdict verdict = monitor::Verdict::healthy;
  Sight sight;
};
/// All that make a difference to some rule.
std::vector<Look> looks_in_any_weather(const SimMonitor& monitor, int node);
/// Does it make a difference whether time has passed?
bool time_matters(const SimMonitor& monitor);

}  // namespace autoctl::explorer
