#include "monitor/engine/model.h"

#include <algorithm>

#include "monitor/engine/citus_plan.h"

namespace autoctl::monitor {

std::string about(const std::string& formation, GroupId group) {
  return formation + "/" + std::to_string(group) + ": ";
}

Group* Model::group_of(NodeId id) {
  for (auto& [key, group] : groups)
    if (group.nodes.contains(id)) return &group;
  return nullptr;
}

Node* Model::find(NodeId id) {
  Group* group = group_of(id);
  return group == nullptr ? nullptr : &group->nodes.at(id);
}

const Settings& Model::settings_of(const Group& group) const {
  return formations.at(group.row.formation).settings;
}

bool has_nodes(const Model& model, const std::string& formation) {
  return std::ranges::any_of(
      model.groups, [&](const auto& entry) { return entry.first.first == formation && !entry.second.nodes.empty(); });
}

Error no_such_formation(const std::string& name) {
  return {Errc::not_found, "there is no formation '" + name + "'",
          "check the name; a new one is made with `autoctl create formation --formation NAME [--kind pgsql|citus] "
          "[--dbname NAME]`"};
}

namespace {

Node new_node(const NodeRow& row, const Settings& settings, TimePoint now) {
  Node node;
  node.row = row;
  node.facts.state = row.reported;
  node.facts.term = row.reported_term;
  node.seen.watching_since = now;
  node.goal_since = now;
  // Leases that a former monitor process granted are not on record: the longest possible one is assumed.
  node.lease_until = now + settings.lease;
  return node;
}

Node restored_node(const NodeRow& row, const Settings& settings, Node* before, TimePoint now) {
  if (before == nullptr) return new_node(row, settings, now);
  Node node = std::move(*before);
  if (node.row.goal != row.goal) node.goal_since = now;
  node.row = row;
  return node;
}

void restore_operations(Model& model, const Image& image, TimePoint now,
                        std::chrono::system_clock::time_point wall_now) {
  for (const OperationRow& operation : image.operations) {
    model.operations[operation.id] = operation;
    const auto group = model.groups.find({operation.formation, operation.group});
    if (operation.status != "running" || group == model.groups.end()) continue;
    group->second.operation = operation;
    const auto age = std::max(wall_now - operation.requested_at, std::chrono::system_clock::duration{0});
    group->second.operation_since = now - std::chrono::duration_cast<TimePoint::duration>(age);
  }
}

}  // namespace

Model restore_model(const Image& image, Model before, TimePoint now, std::chrono::system_clock::time_point wall_now) {
  Model model;
  model.monitor_id = image.monitor_id;
  model.last_node = image.last_node;
  model.last_operation = image.last_operation;
  model.trusts_itself = before.trusts_itself;
  for (const FormationRow& formation : image.formations) model.formations[formation.name] = formation;
  for (const GroupRow& row : image.groups) {
    Group& group = model.groups[{row.formation, row.group}];
    group.row = row;
    group.next_check = now;
  }
  for (const NodeRow& row : image.nodes) {
    Group& group = model.groups.at({row.formation, row.group});
    group.nodes[row.id] = restored_node(row, model.settings_of(group), before.find(row.id), now);
  }
  restore_operations(model, image, now, wall_now);
  return model;
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

Operation::Kind kind_of(const std::string& name) {
  if (name == "promotion") return Operation::Kind::promotion;
  if (name == "accept_timeline") return Operation::Kind::accepted_timeline;
  return name == "forced_failover" ? Operation::Kind::forced_failover : Operation::Kind::switchover;
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
  if (group.operation && is_maintenance(group.operation->kind))
    view.maintenance =
        MaintenanceRequest{.kind = group.operation->kind == "maintenance" ? MaintenanceRequest::Kind::begin
                                                                          : MaintenanceRequest::Kind::end,
                           .node = group.operation->target,
                           .requested_at = group.operation_since};
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
