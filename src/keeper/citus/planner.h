// Which changes of pg_dist_node lead from what it says to what the monitor's plan says. Pure: no I/O, no clock.
#pragma once

#include <string>
#include <vector>

#include "common/protocol/citus.h"

namespace autoctl::keeper::citus {

/// Where a node listens.
struct Address {
  std::string host;
  int port = 0;
  friend bool operator==(const Address&, const Address&) = default;
};

/// A row of pg_dist_node.
struct Row {
  int id = 0;
  int group = 0;  // Citus' own number; that of the autoctl group but in clusters that were adopted
  std::string host;
  int port = 0;
  bool primary = true;  // noderole
  bool active = true;
  bool has_metadata = true;
  bool synced = true;
  std::string cluster = "default";
  bool holds_shards = false;  // of which there is no other copy
  friend bool operator==(const Row&, const Row&) = default;
};

struct TableStep {
  enum class Kind : unsigned char {
    set_coordinator,  // group 0 has no row yet
    add,              // a worker group's primary, and activate it
    activate,
    move,  // another node of the group takes its statements
    add_secondary,
    remove,
  };
  Kind kind = Kind::add;
  GroupId group = 0;    // of the route
  int row = 0;          // that is changed; 0 = a new one
  int citus_group = 0;  // of a new row
  std::string host;     // where it goes; remove: where it was
  int port = 0;
  std::string from_host;  // move: where the statements went
  int from_port = 0;
  int swapped_row = 0;   // move: a secondary's row that has the new address, and gets the old one
  bool foreign = false;  // move: the old address is no node of the group: look first whether the new node has the data
  std::string cluster = "default";
  Millis cooldown{0};
  std::string why;  // what differs, one sentence
};

/// Of the table with the plan.
struct Comparison {
  std::vector<TableStep> steps;                   // in this order
  std::vector<protocol::CitusRouteFacts> routes;  // before the steps
  std::vector<std::string> strangers;             // what only people can put right, a sentence each
};

Comparison compare(const protocol::CitusPlan& plan, const std::vector<Row>& rows);

/// The row of the route's primary, null if it has none.
const Row* find_row(const protocol::CitusPlan& plan, const protocol::CitusRoute& route, const std::vector<Row>& rows);
const protocol::CitusNode* find_node(const protocol::CitusRoute& route, NodeId id);

/// How the row of the route's primary gets `target`'s address.
TableStep move_to(const protocol::CitusRoute& route, const Row& row, const protocol::CitusNode& target,
                  const std::vector<Row>& rows);

}  // namespace autoctl::keeper::citus
