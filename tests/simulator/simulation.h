// One simulated world from one seed: groups of nodes, a monitor, clients, and faults in rounds. After each round the
// faults stop and everything heals, and then every group has to be whole again within a bound of virtual time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "citus.h"
#include "monitor_host.h"

namespace autoctl::simulator {

struct WorldPlan {
  std::uint64_t seed = 1;
  int groups = 1;  // or Citus formations
  int nodes = 2;   // of each group
  int number_sync_standbys = 0;
  bool varied = false;              // candidate priorities and members of the quorum differ
  bool promotions_by_hand = false;  // somebody promotes standbys, too
  std::uint64_t events = 200'000;   // about so many: the last round is finished
  monitor::Decide decide = monitor::decide;
  int citus_workers = 0;  // of each formation: that many groups of workers beside the coordinator's
  Lie lie;                // what the routers hear instead of the monitor's plan
  bool manual_failover = false;
  bool hangs = false;      // servers hang, too
  bool overloads = false;  // the monitor has no time for many reports
  /// Commits wait for no standby, and a failover may lose some of them, within bounds. A frozen machine thaws for a moment
  /// before anything can be done about what it runs: machines are switched off instead.
  bool bounded_loss = false;
};

/// The world of a seed, its shape chosen by the seed.
WorldPlan random_plan(std::uint64_t seed);

/// Faults last until here, in each round …
inline constexpr Micros round_of_faults = seconds(60);
/// … and this long after them every group must be whole.
inline constexpr Micros recovery_bound = seconds(120);
/// A whole group that loses one node must acknowledge commits again after this long.
inline constexpr Micros service_bound = seconds(30);

struct RunResult {
  Tally tally;
  std::optional<std::string> violation;  // what, when, and the last notes of that group
};

RunResult simulate(const WorldPlan& plan);

}  // namespace autoctl::simulator
