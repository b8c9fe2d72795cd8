// What the monitor assigns to a node (Goal), and what a keeper reports (NodeFacts). Both are plain values and cross the
// wire.
#pragma once

#include <string>
#include <vector>

#include "common/fsm/state.h"
#include "common/fsm/types.h"

namespace autoctl {

/// Which standbys a commit waits for: `acks` of `voters`. acks == 0 is asynchronous.
/// Invariant: voters is sorted and unique; acks <= voters.size().
struct SyncQuorum {
  int acks = 0;
  std::vector<NodeId> voters;

  bool asynchronous() const { return acks == 0; }
  bool contains(NodeId id) const;
  friend bool operator==(const SyncQuorum&, const SyncQuorum&) = default;
};

/// An assignment. A keeper obeys a goal whose term is not lower than the highest it has seen, and no other.
struct Goal {
  NodeState state = NodeState::init;
  Term term;                // the group's term when this was assigned
  NodeId upstream;          // for standby states: the node to stream from; 0 = none yet
  SyncQuorum sync;          // for leader states and stop_replication: what a commit waits for from now on
  bool fence = false;       // prepare_promotion: stop receiving from the old primary before reporting this state
  bool checkpoint = false;  // primary, draining: run a checkpoint, so that the shutdown that follows is short
  Lsn await_lsn;            // stop_replication after a switchover: the LSN at which the old primary stopped
  bool keep_history =
      false;                // wait_primary: an operator keeps what it wrote of its own, although it was to be a standby
  bool fresh_copy = false;  // catchingup: replace the data by a copy, whatever it is: an operator does not trust it
  friend bool operator==(const Goal&, const Goal&) = default;
};

/// One line of a timeline history file: `timeline` ended at `switch_lsn`.
struct HistoryEntry {
  Timeline timeline;
  Lsn switch_lsn;
  friend bool operator==(const HistoryEntry&, const HistoryEntry&) = default;
};

/// What was found when a port was tried: by the monitor at a node's, by a standby's keeper at its primary's Postgres.
enum class PortState : unsigned char {
  unknown,   // not tried, or not known: our own side failed
  open,      // it answers, and nothing speaks against its being the node
  refused,   // the host is there, and no process listens
  silent,    // no answer in time
  stranger,  // somebody else answers there: nobody of ours listens
};
std::string_view to_string(PortState state);
/// For people.
std::string_view describe(PortState state);
/// The node's own server is not there, by the word of its host.
constexpr bool is_vacant(PortState state) {
  return state == PortState::refused || state == PortState::stranger;
}
std::optional<PortState> parse_port_state(std::string_view name);

/// A keeper's report: the state it has reached and what it sees right now.
struct NodeFacts {
  NodeState state = NodeState::init;  // the last state it has reached
  Term term;                          // the term of the goal for which it reached that state
  bool postgres_running = false;      // answered a query over the real listener a moment ago
  bool in_recovery = false;
  bool cannot_run = false;    // the keeper tried to start Postgres and gave up; `trouble` says why
  bool cannot_write = false;  // Postgres runs, but its disk is full
  bool forked = false;        // it accepted writes while it was to be a standby: may only be rewound or replaced
  std::string trouble;        // one sentence; empty when all is well
  SystemId system_id;
  Timeline timeline;
  Lsn lsn;                            // primary: flushed; standby: received and flushed; stopped: its end; crashed: 0
  std::vector<HistoryEntry> history;  // ancestors of `timeline`, oldest first

  // A primary's view.
  SyncQuorum sync_in_force;            // what synchronous_standby_names requires, as read back from the server
  std::vector<NodeId> prepared_peers;  // may connect for replication: their HBA line and slot exist
  std::vector<NodeId> streaming;       // peers in pg_stat_replication with state = streaming and a recent reply

  // A standby's view.
  NodeId upstream;                               // the node it is configured to follow
  bool receiving = false;                        // the WAL receiver streams and heard from the primary a moment ago
  PortState upstream_port = PortState::unknown;  // tried when the monitor asks
  int progress_percent = -1;                     // of the copy or rewind that is under way; -1 = none
};

}  // namespace autoctl
