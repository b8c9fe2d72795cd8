// When the faults stop: everything that can act acts, in turn, and verdicts are the real assess() on what can be
// observed. Deterministic, so that it ends in a fixed point or in a loop.
#pragma once

#include <optional>

#include "monitor_model.h"

namespace autoctl::sim {

/// What never comes back.
enum class Loss : unsigned char { nothing, whole_node, keeper_only };

struct FairRules {
  Loss loss = Loss::nothing;
  int lost_node = 0;  // unless `loss` is nothing
};

class FairRun {
 public:
  FairRun(Decide decide, monitor::Settings settings, FairRules rules);

  /// The first world of the run: faults are over, but for the loss.
  World begin(World world) const;
  /// One round; false when nothing changed, which is a fixed point.
  bool round(World& world, std::string* log = nullptr) const;

 private:
  bool acts(int node) const { return rules_.loss == Loss::nothing || rules_.lost_node != node; }
  bool nodes_act(World& world) const;
  bool monitor_acts(World& world, bool time_passes, std::string* log) const;
  Belief observe(const World& world, bool time_passes) const;

  Decide decide_;
  monitor::Settings settings_;
  FairRules rules_;
};

/// Must the group, once this node is lost, be served by the other one (design, rule 1)?
bool other_must_serve(const World& world, int lost_node);
/// A primary accepts writes and a standby streams, and both are confirmed.
std::optional<std::string> why_not_whole(const World& world);
/// `node` is the group's primary and runs.
std::optional<std::string> why_not_served_by(const World& world, int node);

}  // namespace autoctl::sim
