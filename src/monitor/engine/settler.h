// Judges a group, decides until nothing is left to decide, writes each decision down, and tells the nodes.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "monitor/engine/assignments.h"
#include "monitor/engine/environment.h"
#include "monitor/engine/ledger.h"
#include "monitor/engine/model.h"
#include "monitor/engine/suspects.h"
#include "monitor/engine/trust.h"

namespace autoctl::monitor {

/// The rule table, or in tests one with a mistake in it.
using Decide = std::function<std::optional<Decision>(const GroupSnapshot&, const Settings&, TimePoint)>;

class Settler {
 public:
  /// All must outlive it.
  Settler(Model& model, Ledger& ledger, Assignments& assignments, Suspects& suspects, const Environment& env,
          Decide decide);

  /// Decides all that follows from what is known now.
  void settle(Group& group);
  void settle_all();
  void settle_formation(const std::string& formation, const Group* but = nullptr);

  /// Writes one decision down; false if that failed.
  bool carry_out(const Group& group, const Decision& decision);
  /// Removes the node from its group, and commits `change` with that. False if that failed. `by`: nobody, where its time
  /// has come.
  bool remove(Group& group, NodeId id, Change change = {}, const By& by = {});

  /// Something new is known about the node. Looks at everything anew when the monitor begins or ceases to trust itself.
  void heard(const Group& group, const Node& node);
  /// The same for what time alone changes.
  void check_trust();

  /// Time in which the monitor itself did not run, or was deaf, proves nothing about nodes.
  void excuse_own_absence(bool deaf);
  /// Settles the groups that are due, and ends the waiting of held reports.
  void tick();
  /// The group is looked at no later than this.
  void look_again(Group& group, TimePoint at);
  TimePoint next_tick() const;

 private:
  void forget_dropped(Group& group);
  void tell_if_blocked(const Group& group, const GroupSnapshot& view, const Settings& settings);
  void tell_if_withheld(Group& group, const GroupSnapshot& view, const Settings& settings);
  TimePoint next_check(const Group& group) const;

  Model& model_;
  Ledger& ledger_;
  Assignments& assignments_;
  Suspects& suspects_;
  const Environment& env_;
  const Decide decide_;

  Trust trust_;
  TimePoint last_round_;
  TimePoint first_check_;  // no group's next_check is before
  GroupKey tick_begins_;   // with this group, as the last one ran out of time before it
  /// Groups whose election waits, and what was told of it: the nodes that it waits for, and what would be lost.
  std::map<GroupKey, std::set<std::pair<std::vector<NodeId>, std::string>>> blocked_;
};

}  // namespace autoctl::monitor
