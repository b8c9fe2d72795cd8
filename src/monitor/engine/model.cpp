#include "monitor/engine/model.h"

#include <algorithm>

#include "monitor/engine/citus_plan.h"
#include "monitor/engine/written.h"

namespace autoctl::monitor {

std::string about(const std::string& formation, GroupId group) {
  return formation + "/" + std::to_string(group) + ": ";
}

bool has_nodes(const Model& model, const std::string& formation) {
  return std::ranges::any_of(model.groups_of(formation), [](const auto& entry) { return !entry.second.nodes.empty(); });
}

Error no_such_formation(const std::string& name) {
  return {Errc::not_found, "there is no formation '" + name + "'",
          "check the name; a new one is made with `autoctl create formation --formation NAME [--kind pgsql|citus] "
          "[--dbname NAME]`"};
}

namespace {

constexpr std::size_t operations_remembered = 200;

Node new_node(const NodeRow& row, const Moment& at) {
  Node node;
  node.row = row;
  node.facts.state = row.reported;
  node.facts.term = row.reported_term;
  node.seen.watching_since = at.now;
  node.goal_since = at.now;
  return node;
}

Change as_change(const Image& image) {
  Change change;
  change.formations = image.formations;
  change.groups = image.groups;
  change.nodes = image.nodes;
  change.operations = image.operations;
  change.tokens = image.tokens;
  return change;
}

}  // namespace

Model Model::restored(const Image& image, Model before, const Moment& at) {
  Model model;
  model.monitor_id = image.monitor_id;
  model.trusts_itself = before.trusts_itself;
  model.trust = before.trust;
  model.trust_change = before.trust_change;
  model.roster_ = before.roster_;
  model.apply(as_change(image), at);
  model.last_node = image.last_node;
  model.last_operation = image.last_operation;
  for (auto& [key, group] : model.groups) {
    for (auto& [id, node] : group.nodes) {
      Node* known = before.find(id);
      if (known == nullptr) {
        // Leases that a former monitor process granted are not on record: the longest possible one is assumed.
        node.lease_until = at.now + model.settings_of(group).lease;
        continue;
      }
      const bool same_goal = known->row.goal == node.row.goal;
      NodeRow row = std::move(node.row);
      if (known->row.instance.number > row.instance.number) row.instance = known->row.instance;
      node = std::move(*known);
      node.row = std::move(row);
      if (!same_goal) node.goal_since = at.now;
      if (node.connection != 0) model.node_by_connection_[node.connection] = id;
    }
  }
  return model;
}

void Model::apply(const Change& change, const Moment& at) {
  for (const FormationRow& row : change.formations) put(row);
  for (const GroupRow& row : change.groups) {
    const auto [entry, is_new] = groups.try_emplace({row.formation, row.group});
    entry->second.row = row;
    if (is_new) entry->second.next_check = at.now;
  }
  for (const NodeId id : change.removed) remove(id);
  for (const NodeRow& row : change.nodes) put(row, at);
  for (const OperationRow& row : change.operations) put(row, at);
  for (const std::int64_t id : change.removed_tokens) tokens.erase(id);
  for (const TokenRow& row : change.tokens) tokens[row.id] = row;
  for (const std::string& name : change.removed_formations) {
    for (const auto& [key, group] : groups_of(name))
      while (!group.nodes.empty()) remove(group.nodes.begin()->first);
    const auto its = groups_of(name);
    groups.erase(its.begin(), its.end());
    formations.erase(name);
    incomplete_.erase(name);
  }
}

void Model::put(const FormationRow& row) {
  ++roster_;
  formations[row.name] = row;
  if (row.incomplete)
    incomplete_.insert(row.name);
  else
    incomplete_.erase(row.name);
}

void Model::put(const NodeRow& row, const Moment& at) {
  Group& group = groups.at({row.formation, row.group});
  const auto [entry, is_new] = group.nodes.try_emplace(row.id);
  Node& node = entry->second;
  if (is_new || node.row.goal.state != row.goal.state || node.row.awaited != row.awaited) ++roster_;
  if (!is_new) forget_address(node);
  if (is_new || node.row.token_sha256 != row.token_sha256) {
    const TimePoint lease_until = node.lease_until;
    node = new_node(row, at);
    node.lease_until = lease_until;  // granted is granted
  } else if (node.row.goal != row.goal) {
    node.goal_since = at.now;
  }
  node.row = row;
  group_by_node_[row.id] = &group;
  node_by_address_.emplace(std::pair(row.host, row.port), row.id);
  last_node = std::max(last_node, row.id);
}

void Model::put(const OperationRow& row, const Moment& at) {
  operations[row.id] = row;
  last_operation = std::max(last_operation, row.id);
  const auto found = groups.find({row.formation, row.group});
  if (found != groups.end()) {
    Group& group = found->second;
    const bool goes_on = group.operation && group.operation->id == row.id;
    if (row.status == OperationStatus::running) {
      if (!goes_on || group.operation->kind != row.kind) {  // else it has begun before, on the same clock
        const auto age = std::max(at.wall - row.requested_at, std::chrono::system_clock::duration{0});
        group.operation_since = at.now - std::chrono::duration_cast<TimePoint::duration>(age);
      }
      group.operation = row;
    } else if (goes_on) {
      group.operation.reset();
    }
  }
  while (operations.size() > operations_remembered && operations.begin()->second.status != OperationStatus::running)
    operations.erase(operations.begin());
}

void Model::remove(NodeId id) {
  Group* group = group_of(id);
  if (group == nullptr) return;
  ++roster_;
  const Node& node = group->nodes.at(id);
  forget_address(node);
  const auto connected = node_by_connection_.find(node.connection);
  if (connected != node_by_connection_.end() && connected->second == id) node_by_connection_.erase(connected);
  group_by_node_.erase(id);
  group->nodes.erase(id);
}

void Model::forget_address(const Node& node) {
  const auto [first, last] = node_by_address_.equal_range({node.row.host, node.row.port});
  for (auto entry = first; entry != last; ++entry)
    if (entry->second == node.row.id) {
      node_by_address_.erase(entry);
      return;
    }
}

Group* Model::group_of(NodeId id) {
  const auto found = group_by_node_.find(id);
  return found == group_by_node_.end() ? nullptr : found->second;
}

Node* Model::find(NodeId id) {
  Group* group = group_of(id);
  return group == nullptr ? nullptr : &group->nodes.at(id);
}

const Settings& Model::settings_of(const Group& group) const {
  return formations.at(group.row.formation).settings;
}

bool Model::another_is_at(const std::string& host, int port, NodeId than) const {
  const auto [first, last] = node_by_address_.equal_range({host, port});
  return std::any_of(first, last, [than](const auto& entry) { return entry.second != than; });
}

void Model::move(Node& node, const std::string& host, int port, int api_port) {
  forget_address(node);
  node.row.host = host;
  node.row.port = port;
  node.row.api_port = api_port;
  node_by_address_.emplace(std::pair(host, port), node.row.id);
}

void Model::connect(Node& node, std::uint64_t connection) {
  if (node.connection == connection) return;
  const auto former = node_by_connection_.find(node.connection);
  if (former != node_by_connection_.end() && former->second == node.row.id) node_by_connection_.erase(former);
  node.connection = connection;
  if (connection != 0) node_by_connection_[connection] = node.row.id;
}

Node* Model::find_by_connection(std::uint64_t connection) {
  const auto found = node_by_connection_.find(connection);
  Node* node = found == node_by_connection_.end() ? nullptr : find(found->second);
  return node != nullptr && node->connection == connection ? node : nullptr;
}

std::uint64_t address_epoch(const NodeRow& row) {
  const bool is_name =
      row.host.find(':') == std::string::npos && row.host.find_first_not_of("0123456789.") != std::string::npos;
  return is_name ? row.epoch : 0;
}

NodeView view_of(const Node& node) {
  return {.id = node.row.id,
          .name = node.row.name,
          .goal = node.row.goal,
          .goal_since = node.goal_since,
          .reported = node.reported,
          .facts = node.facts,
          .health = node.health,
          .candidate_priority = node.row.candidate_priority,
          .replication_quorum = node.row.replication_quorum,
          .lease_until = node.lease_until,
          .stalled_for = node.stall.lasted};
}

namespace {

/// Of those that are carried out by a change of roles; maintenance is no such one.
Operation::Kind kind_of(OperationKind kind) {
  switch (kind) {
    case OperationKind::promotion: return Operation::Kind::promotion;
    case OperationKind::accept_timeline: return Operation::Kind::accepted_timeline;
    case OperationKind::forced_failover: return Operation::Kind::forced_failover;
    case OperationKind::switchover:
    case OperationKind::maintenance:
    case OperationKind::end_maintenance:
    case OperationKind::reinit: break;
  }
  return Operation::Kind::switchover;
}

}  // namespace

GroupSnapshot snapshot(const Model& model, const Group& group) {
  GroupSnapshot view;
  view.formation = group.row.formation;
  view.group = group.row.group;
  view.term = group.row.term;
  view.quorum_confirmed = group.row.quorum_confirmed;
  view.quorum_assigned = group.row.quorum_assigned;
  view.monitor_trusts_itself = model.trusts_itself;
  view.traffic = traffic_of(model, group);
  for (const auto& [id, node] : group.nodes)
    if (!node.row.awaited) view.nodes.push_back(view_of(node));
  for (NodeView& node : view.nodes) node.may_lack = lack_of(group, group.nodes.at(node.id));
  if (group.operation && is_maintenance(group.operation->kind))
    view.maintenance =
        MaintenanceRequest{.kind = group.operation->kind == OperationKind::maintenance ? MaintenanceRequest::Kind::begin
                                                                                       : MaintenanceRequest::Kind::end,
                           .node = group.operation->target,
                           .requested_at = group.operation_since,
                           .fresh_copy = group.operation->kind == OperationKind::reinit};
  else if (const auto& running = group.operation)
    view.operation = Operation{.id = running->id,
                               .kind = kind_of(running->kind),
                               .target = running->target,
                               .requested_at = group.operation_since};
  return view;
}

bool may_expect_postgres(const Node& node) {
  if (node.facts.forked && !is_leader_state(node.row.goal.state)) return false;  // its keeper stops it until it joins
  const NodeState goal = node.row.goal.state;
  if (goal == NodeState::single) return node.facts.state != NodeState::init;            // else it is being created
  if (goal == NodeState::catchingup) return node.facts.state == NodeState::catchingup;  // else it is copied or rewound
  return expects_postgres(goal);
}

}  // namespace autoctl::monitor
