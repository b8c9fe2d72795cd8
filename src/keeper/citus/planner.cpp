#include "keeper/citus/planner.h"

#include <algorithm>

namespace autoctl::keeper::citus {

namespace {

using protocol::CitusNode;
using protocol::CitusPlan;
using protocol::CitusRoute;

bool is_at(const Row& row, const CitusNode& node) {
  return row.host == node.host && row.port == node.port;
}

/// Whose address the row has.
const CitusNode* node_at(const CitusRoute& route, const Row& row) {
  const auto found = std::ranges::find_if(route.nodes, [&](const auto& node) { return is_at(row, node); });
  return found == route.nodes.end() ? nullptr : &*found;
}

std::string address(const std::string& host, int port) {
  return host + ":" + std::to_string(port);
}
std::string address(const Row& row) {
  return address(row.host, row.port);
}
std::string words(const CitusNode& node) {
  return node.name + " (" + address(node.host, node.port) + ")";
}

/// Reads may go to it while it is a standby.
bool wanted_as_secondary(const CitusRoute& route, const CitusNode& node) {
  return node.secondary && node.id != route.primary && node.goal == NodeState::secondary;
}

class Planner {
 public:
  Planner(const CitusPlan& plan, const std::vector<Row>& rows) : plan_(plan), rows_(rows) {}

  Comparison run() {
    for (const CitusRoute& route : plan_.routes) {
      look_at(route);
      // Workers want to know their coordinator: its own row comes before theirs.
      if (route.group == 0 && find_row(plan_, route, rows_) == nullptr && !route.primary) return std::move(seen_);
    }
    for (const Row& row : rows_)
      if (!std::ranges::any_of(plan_.routes, [&](const auto& route) { return belongs(row, route); }))
        seen_.strangers.push_back("node " + std::to_string(row.id) + " (" + address(row) + ", group " +
                                  std::to_string(row.group) +
                                  ") is no node of this formation: run `autoctl create worker` on it, or remove it "
                                  "with citus_remove_node");
    // Moves are done on the coordinator alone; all else may have to wait for a worker that does not answer.
    std::ranges::stable_partition(seen_.steps,
                                  [](const TableStep& step) { return step.kind == TableStep::Kind::move; });
    return std::move(seen_);
  }

 private:
  bool belongs(const Row& row, const CitusRoute& route) const {
    if (node_at(route, row) != nullptr) return true;
    const Row* primary = find_row(plan_, route, rows_);
    return primary != nullptr ? row.group == primary->group : row.group == route.group;
  }

  void look_at(const CitusRoute& route) {
    auto& facts = seen_.routes.emplace_back();
    facts.group = route.group;
    if (route.nodes.empty()) return remove_group(route, facts);
    const Row* row = find_row(plan_, route, rows_);
    if (row != nullptr)
      if (const CitusNode* node = node_at(route, *row)) facts.routed_to = node->id;
    const CitusNode* primary = find_node(route, route.primary);
    if (primary == nullptr) return;  // nobody takes writes: the table stays as it is
    if (row == nullptr) return add_primary(route, *primary);
    if (!is_at(*row, *primary)) return push(move_to(route, *row, *primary, rows_));
    look_at_metadata(*row, *primary);
    if (!row->active)
      push({.kind = TableStep::Kind::activate,
            .group = route.group,
            .row = row->id,
            .host = row->host,
            .port = row->port,
            .why = words(*primary) + " is not active"});
    look_at_secondaries(route, *row);
  }

  /// In a cluster that was adopted, none may have it.
  void look_at_metadata(const Row& row, const CitusNode& primary) {
    const auto has_it = [](const Row& other) { return other.group != 0 && other.primary && other.has_metadata; };
    if (row.group == 0 || !row.active || row.has_metadata || std::ranges::none_of(rows_, has_it)) return;
    seen_.strangers.push_back(
        words(primary) +
        " gets no metadata (hasmetadata is false): statements that begin there fail, and it is not "
        "told of changes; start_metadata_sync_to_node('" +
        row.host + "', " + std::to_string(row.port) + ") starts that again");
  }

  void remove_group(const CitusRoute& route, protocol::CitusRouteFacts& facts) {
    for (const Row& row : rows_) {
      if (row.group != route.group || route.group == 0) continue;
      if (row.holds_shards) {
        facts.trouble = "all its nodes were dropped, but " + address(row) +
                        " holds shards: create a node over that data with `autoctl create worker --group " +
                        std::to_string(route.group) +
                        "`, or move the shards away with citus_drain_node; the row stays until then";
        return;
      }
    }
    // Secondaries first: Citus wants no primary to go before them.
    for (const bool primary : {false, true})
      for (const Row& row : rows_)
        if (row.group == route.group && route.group != 0 && row.primary == primary)
          remove(route, row, "its group has no nodes any more");
  }

  void add_primary(const CitusRoute& route, const CitusNode& primary) {
    const bool coordinator = route.group == 0;
    push({.kind = coordinator ? TableStep::Kind::set_coordinator : TableStep::Kind::add,
          .group = route.group,
          .citus_group = route.group,
          .host = primary.host,
          .port = primary.port,
          .cluster = "default",
          .cooldown = route.cooldown,
          .why = words(primary) + " is missing"});
  }

  void look_at_secondaries(const CitusRoute& route, const Row& primary) {
    for (const Row& row : rows_) {
      if (row.primary || row.group != primary.group) continue;
      const CitusNode* node = node_at(route, row);
      if (node == nullptr)
        remove(route, row, "no standby is there any more");
      else if (!node->secondary || node->goal == NodeState::dropped || row.cluster != node->cluster)
        remove(route, row, node->name + " shall not be a secondary of cluster " + row.cluster);
    }
    for (const CitusNode& node : route.nodes) {
      if (!wanted_as_secondary(route, node)) continue;
      if (std::ranges::any_of(rows_, [&](const Row& row) { return is_at(row, node); })) continue;
      push({.kind = TableStep::Kind::add_secondary,
            .group = route.group,
            .host = node.host,
            .port = node.port,
            .from_host = primary.host,
            .from_port = primary.port,
            .cluster = node.cluster,
            .why = words(node) + " is missing as a secondary"});
    }
  }

  void remove(const CitusRoute& route, const Row& row, const std::string& why) {
    push({.kind = TableStep::Kind::remove,
          .group = route.group,
          .row = row.id,
          .host = row.host,
          .port = row.port,
          .why = address(row) + " is still there: " + why});
  }

  void push(TableStep step) { seen_.steps.push_back(std::move(step)); }

  const CitusPlan& plan_;
  const std::vector<Row>& rows_;
  Comparison seen_;
};

}  // namespace

Comparison compare(const CitusPlan& plan, const std::vector<Row>& rows) {
  return Planner(plan, rows).run();
}

const CitusNode* find_node(const CitusRoute& route, NodeId id) {
  if (!id) return nullptr;
  const auto found = std::ranges::find(route.nodes, id, &CitusNode::id);
  return found == route.nodes.end() ? nullptr : &*found;
}

/// By its address, because a cluster that was adopted keeps its own numbers; by its group if nobody claims that row.
const Row* find_row(const CitusPlan& plan, const CitusRoute& route, const std::vector<Row>& rows) {
  for (const Row& row : rows)
    if (row.primary && node_at(route, row) != nullptr) return &row;
  const auto claimed = [&](const Row& row) {
    return std::ranges::any_of(plan.routes, [&](const auto& other) { return node_at(other, row) != nullptr; });
  };
  for (const Row& row : rows)
    if (row.primary && row.group == route.group && !claimed(row)) return &row;
  return nullptr;
}

TableStep move_to(const CitusRoute& route, const Row& row, const CitusNode& target, const std::vector<Row>& rows) {
  TableStep step{.kind = TableStep::Kind::move,
                 .group = route.group,
                 .row = row.id,
                 .citus_group = row.group,
                 .host = target.host,
                 .port = target.port,
                 .from_host = row.host,
                 .from_port = row.port,
                 .cooldown = route.cooldown,
                 .why = words(target) + " is " + address(row) + " there"};
  step.foreign = route.group != 0 && node_at(route, row) == nullptr;
  for (const Row& other : rows)
    if (other.id != row.id && is_at(other, target)) step.swapped_row = other.id;
  return step;
}

}  // namespace autoctl::keeper::citus
