// When the faults stop: everything that can act acts, in turn, and verdicts are the real assess() on what can be
// observed. Deterministic, so that it ends in a fixed point or in a loop.
#pragma once

#include <optional>

#include "decisions.h"

namespace autoctl::explorer {

/// What never comes back.
enum class Loss : unsigned char {
  nothing,
  whole_node,
  keeper_only,      // Postgres runs on, and nobody commands it
  link_to_monitor,  // all works on, but the keeper hears nothing
  every_link,       // the same, and the other node is out of reach, too
};

/// What the coordinator of a worker group does.
enum class Coordinator : unsigned char {
  none,         // the group is no worker group
  follows,      // holds and moves the statements as it is told
  never_holds,  // moves them, but some session is always in the way of a hold
  stays_away,
};

struct FairRules {
  Loss loss = Loss::nothing;
  int lost_node = 0;  // unless `loss` is nothing
  Coordinator coordinator = Coordinator::none;
  Statements statements = Statements::no_coordinator;  // at the beginning
};

class FairRun {
 public:
  /// `decisions` must outlive it.
  FairRun(Decisions& decisions, const Rules& model, FairRules rules);

  /// The first world of the run: faults are over, but for the loss.
  World begin(World world) const;
  /// One round; false when nothing changed, which is a fixed point.
  bool round(World& world, std::string* log = nullptr) const;

 private:
  bool is_lost(int node) const { return rules_.loss != Loss::nothing && rules_.lost_node == node; }
  bool works(int node) const {
    return !is_lost(node) || rules_.loss == Loss::link_to_monitor || rules_.loss == Loss::every_link;
  }
  monitor::NodeObservation observe_lost(bool reported, bool answers, bool heard, bool link) const;
  bool nodes_act(World& world) const;
  bool monitor_acts(World& world, bool time_passes, std::string* log) const;
  bool coordinator_acts(World& world) const;
  monitor::Verdict judge(const World& world, int node) const;
  Belief observe(const World& world, bool time_passes) const;

  Decisions* decisions_;
  monitor::Settings settings_;
  FairRules rules_;
  std::array<std::uint8_t, max_nodes> alike_ = {0, 1, 2};
  mutable std::array<std::optional<monitor::Verdict>, 128> judged_;  // by everything that judge() looks at
};

/// Must the group, once this node is lost, be served by one of the others (docs/safety-rules.md, rule 1)?
bool others_must_serve(const World& world, int lost_node, const Rules& rules);
/// Do the design's rules promise that this run ends well?
bool must_recover(const World& begin, FairRules fair, const Rules& rules);
/// How the run has to end; nullopt if `world`, its fixed point, is as it should be.
std::optional<std::string> why_not_recovered(const World& world, FairRules fair, const Rules& rules);
std::string describe(FairRules rules);

}  // namespace autoctl::explorer
