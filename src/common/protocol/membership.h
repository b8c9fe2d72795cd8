// What a node knows of the others and of its own place: enough for a monitor that knows nothing to go on where the last
// one was.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/fsm/goal.h"
#include "common/fsm/types.h"

namespace autoctl::protocol {

/// What a keeper knows of another node of its formation.
struct Peer {
  NodeId id;
  std::string name;
  std::string host;
  int port = 0;
  NodeState goal = NodeState::init;
  GroupId group = 0;
  friend bool operator==(const Peer&, const Peer&) = default;
};

/// What operators have set for a node and its formation. Keepers only keep it.
struct Standing {
  int candidate_priority = 50;
  bool replication_quorum = true;
  std::string region;
  std::vector<std::pair<std::string, std::string>> settings;  // of the formation, those that are not the defaults
  friend bool operator==(const Standing&, const Standing&) = default;
};

/// With it a node registers that was another monitor's, or was taken from this one.
struct FormerNode {
  NodeId id;  // it stays: slots, synchronous_standby_names and application_name are made of it
  std::string replication_password;
  std::vector<std::pair<std::string, std::string>> settings;  // Standing::settings
};

/// What a keeper was last told. It goes with its reports until it is told something.
struct Memory {
  Goal goal;
  std::vector<Peer> peers;       // the group's other nodes
  std::vector<Peer> neighbours;  // a Citus formation's nodes of other groups
};

}  // namespace autoctl::protocol
