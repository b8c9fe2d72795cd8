// The keeper's half of the state machine: for every (reached state, goal) the steps that lead there. Pure data.
// Every step is idempotent: a transition that was cut short begins again.
#pragma once

#include <concepts>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

#include "common/fsm/state.h"

namespace autoctl::keeper {

enum class Step : unsigned char {
  create_database_cluster,  // initdb if the directory is empty; adopt what is there otherwise
  hold_clients_if_asked,    // a Postgres that is to be started lets no client in, where the formation wants that
  restart_if_needed,        // a server that is taken over with settings that replication cannot work with starts again
  start_as_primary,         // Postgres runs and accepts writes, now or after crash recovery
  apply_sync,               // the goal's synchronous_standby_names are in force (read back)
  await_quorum,             // enough voters have flushed everything written before the names were in force
  admit_clients,            // clients are let in; by a primary with a quorum when that has what was there at its start
  checkpoint_if_asked,      // if the goal says `checkpoint`: so that the shutdown that follows is short
  stop_fast,                // Postgres is down, cleanly if it can be
  prove_standby,            // nobody else has promoted it: later that would look like our own promotion
  await_handover,           // received what the old primary had when it stopped, as long as more is coming
  stop_receiving,           // the WAL receiver is gone and will not come back: no acknowledgement leaves this node
  fence_if_asked,    // stop_receiving if the goal says `fence`: the old primary is being deposed, not handing over
  promote,           // accepts writes, on a new timeline
  fetch_missing,     // receives from the goal's upstream, a fenced standby, up to the goal's position, then no more
  follow_upstream,   // streams from the goal's upstream as it is: its data may be what an election counts on
  leave_as_standby,  // however Postgres is started from now on, it is a standby of the goal's upstream
  join_upstream,     // a standby of the goal's upstream, by following, rewinding or copying, and it streams

  // Upkeep: in no transition, but between them (upkeep.cpp).
  run_as_standby,  // Postgres runs as what the reached state says: a standby, of its upstream or of no node
  disown,          // what was written here does not count: Postgres stops, and only a rewind or a copy brings it back
  keep_house,      // the other nodes have their HBA lines and slots
};
std::string_view to_string(Step step);

/// A set of node states.
class StateSet {
 public:
  constexpr StateSet(std::initializer_list<NodeState> states) {
    for (const NodeState s : states) add(s);
  }
  /// All states of which `is_member` is true.
  constexpr explicit StateSet(std::predicate<NodeState> auto is_member) {
    for (const NodeState s : all_node_states)
      if (is_member(s)) add(s);
  }
  constexpr bool contains(NodeState s) const { return (bits_ >> static_cast<unsigned>(s)) & 1U; }

 private:
  constexpr void add(NodeState s) { bits_ |= 1U << static_cast<unsigned>(s); }

  static_assert(all_node_states.size() <= 32);
  unsigned bits_ = 0;
};

struct Transition {
  StateSet from;
  NodeState to;
  std::string_view sentence;
  std::span<const Step> steps;
};

/// All of them; at most one matches a pair.
std::span<const Transition> transitions();

/// The transition from `from` to `to`, nullptr if a keeper does not know how (the unit tests prove that the monitor
/// never asks).
const Transition* find_transition(NodeState from, NodeState to);

}  // namespace autoctl::keeper
