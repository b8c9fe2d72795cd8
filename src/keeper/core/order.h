// One thing to do to the Postgres beside the keeper. The shell carries orders out one at a time. Each order is
// idempotent, and the keeper may be killed in the middle of it.
#pragma once

#include <string_view>

#include "common/fsm/goal.h"

namespace autoctl::keeper {

struct Order {
  enum class Kind : unsigned char {
    create_cluster,    // initdb
    configure,         // our settings and the HBA lines of all nodes are in place
    keep_own_history,  // an operator accepts what was written here: the marks of a standby go
    mark_forked,       // from now on this data may only be rewound or replaced
    create_accounts,   // roles and databases of a new cluster
    set_upstream,      // a standby of `upstream` from now on; 0: receives from no node
    start,             // returns when the server answers
    stop,              // fast, then harder; returns when it is gone
    set_sync,          // `sync` is in force, read back
    checkpoint,
    stop_receiving,  // the WAL receiver is gone and does not come back
    promote,         // returns when writes are accepted
    rewind,          // to `upstream`; Errc::conflict is proof that it cannot work
    copy,            // from `upstream`, replacing the data
    keep_slots,      // slots for exactly the group's other nodes, bounded
    reload,          // Postgres reads its configuration again
    hold_clients,    // the next server lets in autoctl and the other nodes only
    admit_clients,   // and clients, too
  };
  Kind kind = Kind::configure;
  NodeId upstream;  // set_upstream, rewind, copy
  SyncQuorum sync;  // set_sync
};

std::string_view to_string(Order::Kind kind);

/// Orders after which Postgres is as it was seen before: the core needs no new observation.
constexpr bool changes_nothing_seen(Order::Kind kind) {
  return kind == Order::Kind::keep_slots || kind == Order::Kind::checkpoint || kind == Order::Kind::reload;
}

/// Orders in the course of which a server that runs is stopped.
constexpr bool ends_server(Order::Kind kind) {
  return kind == Order::Kind::stop || kind == Order::Kind::start || kind == Order::Kind::rewind ||
         kind == Order::Kind::copy || kind == Order::Kind::create_cluster;
}

}  // namespace autoctl::keeper
