// Nodes that leave for another monitor, or come from one. While a formation waits for some of its nodes nothing is
// decided in it: each node goes on with what it was last told, and the other monitor, if it lives, decides alone.
#pragma once

#include <string>

#include "monitor/engine/admission.h"
#include "monitor/engine/environment.h"
#include "monitor/engine/ledger.h"
#include "monitor/engine/model.h"
#include "monitor/engine/settler.h"

namespace autoctl::monitor {

class Returning {
 public:
  /// All must outlive it.
  Returning(Model& model, Ledger& ledger, Settler& settler, Suspects& suspects, const Admission& admission,
            const Environment& env)
      : model_(model), ledger_(ledger), settler_(settler), suspects_(suspects), admission_(admission), env_(env) {}

  /// The node goes on without this monitor. A standby is gone by its own word, and the others go on; its place, its slot
  /// and its lines are kept for it. For one that is, was or is about to be the primary the formation waits: the
  /// others know of what it acknowledges only by its word. Errors: not_found, denied, unavailable, conflict.
  Result<> leave(NodeId id, const Caller& caller);
  /// The node was told something in a term that its group has not reached here: this monitor was restored from a backup,
  /// and knows less than its nodes.
  bool knows_more(const Group& group, const Node& node, const protocol::Report& report) const;
  /// All nodes of the formation are awaited then: it is taken over from them, as from another monitor. Errors:
  /// unavailable.
  Result<> begin_anew(const Group& group, const Node& node, const protocol::Report& report);
  /// The first report of an awaited node. Errors: unavailable.
  Result<> arrive(Group& group, Node& node, const protocol::Report& report);
  /// Decisions go on in formations whose nodes have all come.
  void complete_formations();
  /// Drops an awaited node. Only an operator may give up the last primary, and what only that node has. If it comes
  /// before all others have come, it goes on all the same. Errors: conflict, unavailable.
  Result<> drop(Group& group, const Node& node, bool allow_data_loss, const By& by);

 private:
  Result<> admit_stop(const FormationRow& formation, const Node& node, const Caller& caller) const;
  void let_go(const std::string& formation);
  void await_others(const FormationRow& formation, const Group& group, const protocol::Memory& memory, Change& change);
  void await(const FormationRow& formation, GroupId group, const protocol::Peer& peer, Change& change);
  bool complete(const std::string& name);

  Model& model_;
  Ledger& ledger_;
  Settler& settler_;
  Suspects& suspects_;
  const Admission& admission_;
  const Environment& env_;
};

}  // namespace autoctl::monitor
