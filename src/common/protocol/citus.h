// What the monitor and a Citus coordinator's keeper tell each other about pg_dist_node. Only the keeper beside the
// coordinator's primary changes that table: it makes the table follow the plan, and reports where statements go now.
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
  bool suspected = false;           // it may not answer: what can wait is not asked of it
  friend bool operator==(const CitusNode&, const CitusNode&) = default;
};

/// Where the statements for one group are to go. Group 0 is the coordinator's own row.
struct CitusRoute {
  GroupId group = 0;
  Term term;           // the group's
  NodeId primary;      // accepts writes: statements go there; 0 = no node does, the table stays as it is
  NodeId hold_for;     // switchover: keep a transaction open that moves the statements there; 0 = hold nothing
  Millis cooldown{0};  // sessions that block the move are ended after this long
  std::vector<CitusNode> nodes;  // ordered by id
  friend bool operator==(const CitusRoute&, const CitusRoute&) = default;
};

/// Part of the Assignment of a coordinator group's primary. Ordered by group.
struct CitusPlan {
  std::vector<CitusRoute> routes;
  friend bool operator==(const CitusPlan&, const CitusPlan&) = default;
};

/// How far the keeper got with one route.
struct CitusRouteFacts {
  GroupId group = 0;
  NodeId routed_to;     // the node whose address is committed in pg_dist_node; 0 = none of the group's
  NodeId held_for;      // statements wait: the transaction that moves them to this node is open
  std::string trouble;  // why it is not as planned, one sentence; empty when all is well
  friend bool operator==(const CitusRouteFacts&, const CitusRouteFacts&) = default;
};

/// Part of the Report of a coordinator group's primary.
struct CitusFacts {
  bool ready = false;                   // the extension is installed and its metadata can be changed
  std::vector<CitusRouteFacts> routes;  // ordered by group
  std::vector<std::string> drift;       // each difference from the plan, with its node, one sentence each
  friend bool operator==(const CitusFacts&, const CitusFacts&) = default;
};

/// What a StateDocument shows of one Citus formation: the monitor's plan, and how far the coordinator's keeper got with
/// it.
struct CitusDocument {
  std::string formation;
  NodeId coordinator;  // the node whose keeper reported `facts`; 0 = no report yet
  CitusPlan plan;
  CitusFacts facts;
};

}  // namespace autoctl::protocol
