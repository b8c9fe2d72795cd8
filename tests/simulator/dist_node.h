// A pretended pg_dist_node: the table of one Citus formation. It is data of the coordinator's Postgres: a change is a
// commit in the WAL of the coordinator's group, so that each server sees the changes that are in its own history. After
// a failover the table is what the promoted node has received of it.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "keeper/citus/planner.h"
#include "postgres.h"

namespace autoctl::simulator {

class DistNode {
 public:
  using Row = keeper::citus::Row;
  /// Row ids, and what is there afterwards; nullopt: nothing.
  using Rows = std::vector<std::pair<int, std::optional<Row>>>;

  explicit DistNode(Servers& servers) : servers_(servers) {}

  int next_id() { return ++last_id_; }

  /// The commit record is in this server's WAL; its number. nullopt: it could not be written.
  std::optional<std::size_t> write(int node, Rows rows, Micros now);
  /// The commit returns: the standbys that it waits for have it. Others see it from now on.
  bool returns(std::size_t number);
  /// Its session no longer waits for them: others see it without.
  void wait_ends(std::size_t number) { changes_[number].visible = true; }

  /// As a statement that begins now on this server sees it.
  std::vector<Row> read(int node) const;
  /// Since when there is a row for that group of the formation, as that server sees it.
  std::optional<Micros> row_since(int node, GroupId group) const;

 private:
  struct Change {
    Position at;
    int writer = 0;
    std::uint32_t server = 0;  // its generation: after a restart all that is in the WAL is seen
    bool visible = false;
    Micros written = 0;
    Rows rows;
  };

  bool sees(int node, const Change& change) const;

  Servers& servers_;
  int last_id_ = 0;
  std::vector<Change> changes_;
};

}  // namespace autoctl::simulator
