// The group FSM: one snapshot in, at most one decision out. Pure: no clock, no I/O, no globals.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "monitor/fsm/group_snapshot.h"
#include "monitor/fsm/settings.h"

namespace autoctl::monitor {

struct OperationOutcome {
  bool succeeded = false;
  std::string message;
};

/// One rule's effect. All of it is one transaction, committed before any node hears of it.
struct Decision {
  int rule_id = 0;
  std::string_view rule;                       // the rule's name
  std::string reason;                          // why it fired: the facts, in a sentence
  Term term;                                   // the group's new term (old + 1)
  std::vector<std::pair<NodeId, Goal>> goals;  // new assignments; every other node keeps its own
  std::optional<SyncQuorum> quorum_confirmed;
  std::optional<SyncQuorum> quorum_assigned;
  std::optional<NodeId> operation_target;     // the candidate chosen for the operation; to be kept with it
  std::optional<OperationOutcome> operation;  // set when this decision ends the operation
};

/// The decision of the first rule that fires, or nullopt when the group is where it should be (or must wait). Call
/// again after applying the decision: a chain of decisions ends by itself within a few steps.
std::optional<Decision> decide(const GroupSnapshot& group, const Settings& settings, TimePoint now);

/// Of a group in which nothing is left to decide: what would be decided now if the formation were not paused and its
/// failovers not manual; nullopt when nothing would.
std::optional<Decision> withheld(const GroupSnapshot& group, Settings settings, TimePoint now);

/// Why `node` could not be promoted right now, or nullopt if it could; for show state and refusals.
std::optional<std::string> why_not_electable(const GroupSnapshot& group, const NodeView& node);

/// Does `id` count in an election after the loss of the primary, as far as quorums go (docs/safety-rules.md, rule 1)?
/// While one quorum is confirmed and another is assigned, either may be in force: the members of both count, and
/// covers_every_commit() asks for enough of each.
bool in_a_quorum(const GroupSnapshot& group, NodeId id);

/// What the group waits for, in a sentence for `show state`; empty when all is well.
std::string waiting_for(const GroupSnapshot& group, const Settings& settings, TimePoint now);

/// True if another node could become the primary when this one is lost: then the primary needs a lease.
bool another_node_is_electable(const GroupSnapshot& group);

struct RuleTraits {
  /// It finishes or proves what has begun, and fires in a paused formation, too. A group must not pause without a
  /// primary, or while it is unknown what its commits wait for.
  bool finishes = false;
  /// It fires because a node is taken for lost, rightly or not.
  bool judges = false;
};

/// A rule's row but for its function: what docs and `inspect fsm` show.
struct RuleInfo {
  int id;
  std::string_view name;
  RuleTraits traits;
  std::string_view sentence;
};
/// In the order in which they are tried.
std::span<const RuleInfo> rules();
/// nullptr if no rule has this number.
const RuleInfo* find_rule(int id);

}  // namespace autoctl::monitor
