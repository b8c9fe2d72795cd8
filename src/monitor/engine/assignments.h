// What the monitor tells each node, and when: assignments and their versions, leases, reports that it has not answered
// yet.
#pragma once

#include <cstdint>

#include "monitor/engine/environment.h"
#include "monitor/engine/model.h"

namespace autoctl::monitor {

class Assignments {
 public:
  /// Both must outlive it.
  Assignments(Model& model, const Environment& env);

  /// Brings the assignments of the group's nodes up to date. Nodes with a held report hear of a change at once.
  void refresh(Group& group);
  /// Tells the rest of a Citus formation: the other groups where this group's nodes are, and the coordinator which of
  /// them takes the writes.
  void tell_formation(Group& group);

  /// Grants the lease, if the node is to have one.
  void answer(const Group& group, Node& node, const Reply<protocol::Assignment>& reply);
  /// Holds the answer until there is something new, but not much less than a heartbeat at most. Returns until when.
  /// The time for which the report has waited already counts.
  TimePoint hold(const Group& group, Node& node, Reply<protocol::Assignment> reply, Millis waited);
  /// Answers those that were held long enough. To be called before it is computed when the group is looked at again:
  /// what is over by then is no moment to wait for.
  void end_holds(Group& group);
  /// Answers a held report now, if there is one.
  void release(const Group& group, Node& node);

  /// To a node that is about to be forgotten.
  protocol::Assignment farewell(Term term) { return farewell(term, ++version_); }
  /// To a node that was forgotten long ago: nothing comes after this.
  protocol::Assignment last_farewell() const;
  /// The node has heard the last farewell.
  static bool knows_last_farewell(const protocol::Report& report);

 private:
  protocol::Assignment farewell(Term term, std::uint64_t version) const;

  Model& model_;
  const Environment& env_;
  std::uint64_t version_;  // grows from a value above all that a former process gave
};

}  // namespace autoctl::monitor
