#include "monitor/engine/decision_change.h"

#include <utility>

#include "monitor/engine/event_log.h"

namespace autoctl::monitor {

namespace {

protocol::EventDocument decision_event(const GroupRow& group, const Decision& decision, const std::string& time) {
  protocol::EventDocument event;
  event.time = time;
  event.formation = group.formation;
  event.group = group.group;
  event.term = decision.term;
  event.kind = "goal";
  event.rule = std::string(decision.rule);
  event.description = decision.reason;
  return event;
}

}  // namespace

Change change_of(const Group& group, const Decision& decision, std::chrono::system_clock::time_point wall) {
  Change change;
  GroupRow row = group.row;
  row.term = decision.term;
  if (decision.quorum_confirmed) row.quorum_confirmed = *decision.quorum_confirmed;
  if (decision.quorum_assigned) row.quorum_assigned = *decision.quorum_assigned;
  change.groups.push_back(row);

  const std::string time = event_time(wall);
  for (const auto& [id, goal] : decision.goals) {
    NodeRow node = group.nodes.at(id).row;
    node.goal = goal;
    auto event = decision_event(row, decision, time);
    event.node = id;
    event.node_name = node.name;
    event.host = node.host;
    event.port = node.port;
    event.reported = node.reported;
    event.assigned = goal.state;
    change.events.push_back(std::move(event));
    change.nodes.push_back(std::move(node));
  }
  if (decision.goals.empty()) change.events.push_back(decision_event(row, decision, time));

  if (group.operation && (decision.operation_target || decision.operation)) {
    OperationRow operation = *group.operation;
    if (decision.operation_target) operation.target = *decision.operation_target;
    if (decision.operation) {
      operation.status = decision.operation->succeeded ? OperationStatus::done : OperationStatus::failed;
      operation.message = decision.operation->message;
    }
    if (operation.status == OperationStatus::done && operation.then_maintenance) {
      operation.status = OperationStatus::running;
      operation.kind = OperationKind::maintenance;
      operation.target = std::exchange(operation.then_maintenance, NodeId{});
      operation.requested_at = wall;
    }
    change.operations.push_back(std::move(operation));
  }
  return change;
}

}  // namespace autoctl::monitor
