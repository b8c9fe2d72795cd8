// What the monitor and a Citus coordinator's keeper tell each other about pg_dist_node. The keeper beside the
// coordinator's primary is the only one who changes it: it makes the table follow the plan, and says where statements
// go now.
#pragma once

#include <string>
#include <vector>

#include "common/fsm/state.h"
#include "common/fsm/types.h"

namespace autoctl::protocol {

/// One node of a group, as pg_dist_node should know it.
struct CitusNode {
  NodeId id;
  std::string name;
  std::string host;
  int port = 0;
  NodeState goal = NodeState::init;
  bool secondary = false;           // registered as a secondary while it is a standby (--citus-secondary)
  std::string cluster = "default";  // pg_dist_node.nodecluster
  friend bool operator==(const CitusNode&, const CitusNode&) = default;
};

/// Where the statements for one group shall go. Group 0 is the coordinator's own row.
struct CitusRoute {
  GroupId group = 0;
  Term term;           // the group's
  NodeId primary;      // accepts writes: statements go there; 0 = nobody does, the table stays as it is
  NodeId hold_for;     // planned hand-over: keep a transaction open that moves the statements there; 0 = hold nothing
  Millis cooldown{0};  // how long sessions that block the move may go on before they are ended
  std::vector<CitusNode> nodes;  // ordered by id
  friend bool operator==(const CitusRoute&, const CitusRoute&) = default;
};

/// Part of the Assignment of a coordinator group's primary. Ordered by group.
struct CitusPlan {
  std::vector<CitusRoute> routes;
  friend bool operator==(const CitusPlan&, const CitusPlan&) = default;
};

/// What the keeper made of one route.
struct CitusRouteFacts {
  GroupId group = 0;
  NodeId routed_to;     // whose address pg_dist_node has, committed; 0 = none of the group's
  NodeId held_for;      // statements wait: the transaction that moves them to this node is open
  std::string trouble;  // why it is not as planned, one sentence; empty when all is well
  friend bool operator==(const CitusRouteFacts&, const CitusRouteFacts&) = default;
};

/// Part of the Report of a coordinator group's primary.
struct CitusFacts {
  bool ready = false;                   // the extension is there and its metadata can be changed
  std::vector<CitusRouteFacts> routes;  // ordered by group
  std::vector<std::string> drift;       // what on which node differs from the plan, a sentence each
  friend bool operator==(const CitusFacts&, const CitusFacts&) = default;
};

/// What a StateDocument shows of one Citus formation: the monitor's truth and what the coordinator's keeper made of it.
struct CitusDocument {
  std::string formation;
  NodeId coordinator;  // whose keeper's word `facts` is; 0 = nobody has reported yet
  CitusPlan plan;
  CitusFacts facts;
};

}  // namespace autoctl::protocol
