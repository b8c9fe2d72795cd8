#include "monitor/engine/operations.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "monitor/engine/accepting.h"
#include "monitor/engine/documents.h"
#include "monitor/engine/incomplete.h"
#include "monitor/fsm/election.h"
#include "monitor/fsm/maintenance.h"
#include "monitor/fsm/roles.h"

namespace autoctl::monitor {

namespace {

/// A switchover that a primary's node asks for itself, before it stops.
constexpr std::string_view hand_over = "hand_over";

/// A request whose kind is known.
struct Wish {
  OperationKind kind = OperationKind::switchover;
  bool is_leaving = false;  // hand_over
  bool is_own = false;      // the node itself asks, no operator
  const protocol::OperationRequest& request;
};

Result<Wish> read(const protocol::OperationRequest& request) {
  if (request.kind == hand_over) return Wish{OperationKind::switchover, true, true, request};
  if (const auto kind = parse_operation_kind(request.kind)) return Wish{*kind, false, false, request};
  return fail(Errc::bad_usage, "there is no operation '" + request.kind + "'",
              "operations: switchover, promotion, forced_failover, accept_timeline, maintenance, end_maintenance, "
              "reinit, hand_over");
}

std::string place_of(const Group& group) {
  return "formation '" + group.row.formation + "', group " + std::to_string(group.row.group);
}

bool has_members(const Group& group) {
  return std::ranges::any_of(group.nodes,
                             [](const auto& entry) { return entry.second.row.goal.state != NodeState::dropped; });
}

bool has_node(const Group& group, const std::string& name) {
  return std::ranges::any_of(group.nodes, [&name](const auto& entry) {
    return entry.second.row.name == name && entry.second.row.goal.state != NodeState::dropped;
  });
}

/// The group that is named; else that of the node that is named; else the only one. Errors: not_found, bad_usage.
Result<Group*> find_group(Model& model, const protocol::OperationRequest& request) {
  if (request.group) {
    const auto found = model.groups.find({request.formation, *request.group});
    if (found != model.groups.end() && !found->second.nodes.empty()) return &found->second;
    return fail(Errc::not_found,
                "there is no group " + std::to_string(*request.group) + " in formation '" + request.formation + "'");
  }
  Group* only = nullptr;
  std::string numbers;
  for (auto& [key, group] : model.groups_of(request.formation)) {
    if (!request.name.empty() && has_node(group, request.name)) return &group;
    if (!has_members(group)) continue;
    numbers += (only == nullptr ? "" : ", ") + std::to_string(key.second);
    only = &group;
  }
  if (only == nullptr) return fail(Errc::not_found, "there is no node in formation '" + request.formation + "'");
  const bool one = numbers.find(',') == std::string::npos;
  if (one) return only;
  if (!request.name.empty())
    return fail(Errc::not_found, "there is no node '" + request.name + "' in formation '" + request.formation + "'",
                "`autoctl show state` lists the nodes");
  return fail(Errc::bad_usage, "formation '" + request.formation + "' has several groups: " + numbers,
              "say which one with --group");
}

Result<const Node*> find_by_name(const Group& group, const std::string& name) {
  for (const auto& [id, node] : group.nodes) {
    if (node.row.name != name || node.row.goal.state == NodeState::dropped) continue;
    if (!node.row.awaited) return &node;
    return fail(Errc::conflict, name + " is not here: " + node.health.why, "run `autoctl enable monitor` there");
  }
  return fail(Errc::not_found, "there is no node '" + name + "' in " + place_of(group),
              "`autoctl show state` lists the nodes");
}

/// The node that goes to maintenance, or comes back. Errors: bad_usage, not_found, conflict.
Result<const Node*> find_for_maintenance(const Model& model, const Group& group, const Wish& wish) {
  const protocol::OperationRequest& request = wish.request;
  if (request.name.empty()) return fail(Errc::bad_usage, "maintenance needs the name of the node");
  auto found = find_by_name(group, request.name);
  if (!found) return found;
  const NodeState goal = (*found)->row.goal.state;
  if (wish.kind != OperationKind::maintenance) {
    if (goal == NodeState::maintenance) return found;
    return fail(Errc::conflict, request.name + " is not in maintenance: it is " + std::string(to_string(goal)),
                "`autoctl show state` shows the nodes that are");
  }
  if (is_maintenance_state(goal))
    return fail(Errc::conflict, request.name + " is in maintenance already", "`autoctl disable maintenance` ends it");
  if (goal == NodeState::init || goal == NodeState::wait_standby)
    return fail(Errc::conflict, request.name + " has not joined its group yet", "wait until it is a secondary");
  if (is_leader_state(goal) && group.nodes.size() < 2)
    return fail(Errc::conflict,
                request.name + " is the only node of " + place_of(group) + ": no other node can take over",
                "create a second node first");
  if (is_leader_state(goal) && !request.allow_failover)
    return fail(Errc::conflict, request.name + " is the primary: it would have to hand over first",
                "allow that with --allow-failover");
  if (const std::string why = why_indispensable(snapshot(model, group), model.settings_of(group), view_of(**found));
      !why.empty())
    return fail(Errc::conflict, request.name + " cannot be spared: " + why,
                "add a standby, or lower the formation's number-sync-standbys");
  return found;
}

/// The node that an operation is to make primary; NodeId 0 lets the rules choose. Errors: bad_usage, not_found,
/// conflict.
Result<NodeId> find_target(const Group& group, const Wish& wish) {
  if (wish.kind == OperationKind::forced_failover) {
    for (const auto& [id, node] : group.nodes) {
      const bool lost = node.health.verdict == Verdict::dead || node.health.verdict == Verdict::unreachable;
      if (is_leader_state(node.row.goal.state) && !lost)
        return fail(Errc::conflict,
                    node.row.name + " is the primary of " + place_of(group) + " and is " +
                        std::string(to_string(node.health.verdict)) + ": nothing has to be lost",
                    "`autoctl perform failover` without --allow-data-loss");
    }
    return NodeId{};
  }
  if (wish.kind == OperationKind::switchover) {
    const auto members = std::ranges::count_if(
        group.nodes, [](const auto& entry) { return entry.second.row.goal.state != NodeState::dropped; });
    if (members < 2)
      return fail(Errc::conflict, place_of(group) + " has no standby to switch over to", "create a second node first");
    return NodeId{};
  }
  const protocol::OperationRequest& request = wish.request;
  if (request.name.empty()) return fail(Errc::bad_usage, "a promotion needs the name of the node");
  const auto found = find_by_name(group, request.name);
  if (!found) return fail(found.error());
  const NodeRow& node = (*found)->row;
  if (is_leader_state(node.goal.state)) return fail(Errc::conflict, request.name + " is the primary already");
  if (node.candidate_priority == 0)
    return fail(Errc::conflict, request.name + " has candidate priority 0 and is never promoted");
  return node.id;
}

/// What the wish begins with; kind, target and then_maintenance are set, and `event` where there is more to say of it
/// than describe() knows.
Result<OperationRow> plan_operation(const Model& model, const Group& group, const Wish& wish, std::string& event) {
  OperationRow operation{.kind = wish.kind, .formation = group.row.formation, .group = group.row.group};
  if (wish.is_leaving) return operation;
  if (wish.kind == OperationKind::accept_timeline) {
    const auto accepted = plan_acceptance(snapshot(model, group), wish.request);
    if (!accepted) return fail(accepted.error());
    operation.target = accepted->node;
    event = accepted->event;
    return operation;
  }
  if (!is_maintenance(wish.kind)) {
    const auto target = find_target(group, wish);
    if (!target) return fail(target.error());
    operation.target = *target;
    return operation;
  }
  const auto found = find_for_maintenance(model, group, wish);
  if (!found) return fail(found.error());
  const NodeRow& node = (*found)->row;
  if (is_leader_state(node.goal.state)) {
    operation.kind = OperationKind::switchover;
    operation.then_maintenance = node.id;
  } else {
    operation.target = node.id;
  }
  return operation;
}

std::string describe(const Wish& wish) {
  const std::string& name = wish.request.name;
  if (wish.is_leaving) return name + " is about to stop, and hands over first";
  const std::string who = wish.is_own ? "its own host" : "an operator";
  switch (wish.kind) {
    case OperationKind::maintenance: return who + " asks for maintenance of " + name;
    case OperationKind::end_maintenance: return who + " ends the maintenance of " + name;
    case OperationKind::reinit: return who + " wants the data of " + name + " replaced by a fresh copy";
    case OperationKind::forced_failover: return "an operator asks for a failover and accepts that commits may be lost";
    case OperationKind::switchover:
    case OperationKind::promotion:
    case OperationKind::accept_timeline: break;
  }
  return "an operator asks for a " + std::string(to_string(wish.kind)) + (name.empty() ? "" : " of " + name);
}

/// The node that may ask for this itself: who could stop it may take it out of service, and bring it back. nullptr where
/// only operators may.
Result<const Node*> node_concerned(Model& model, const protocol::OperationRequest& request) {
  const auto kind = parse_operation_kind(request.kind);
  const bool is_own = request.kind == hand_over || (kind && is_maintenance(*kind));
  if (!is_own) return nullptr;
  const auto group = find_group(model, request);
  if (!group) return nullptr;
  return find_by_name(**group, request.name);
}

}  // namespace

Result<protocol::OperationDocument> Operations::start(const protocol::OperationRequest& request, const Caller& caller) {
  const auto concerned = node_concerned(model_, request);
  const Node* node = concerned ? *concerned : nullptr;
  const auto by = node == nullptr ? admission_.operate(request.formation, caller) : admission_.speak_for(*node, caller);
  if (!by) return fail(by.error());
  auto wish = read(request);
  if (!wish) return fail(wish.error());
  wish->is_own = node != nullptr && admission_.is_itself(*node, caller);
  const auto found = find_group(model_, request);
  if (!found) return fail(found.error());
  Group& group = **found;
  if (wish->is_leaving) AUTOCTL_TRY(admit_hand_over(group, request.name));
  AUTOCTL_TRY(admit(group, wish->kind));
  std::string event = describe(*wish);
  auto planned = plan_operation(model_, group, *wish, event);
  if (!planned) return fail(std::move(planned.error()));
  return begin(group, *std::move(planned), event, *by);
}

/// A primary's keeper is about to stop. Only what can be done now counts: it does not wait for what may become
/// possible.
Result<> Operations::admit_hand_over(const Group& group, const std::string& name) const {
  const auto node = find_by_name(group, name);
  if (!node) return fail(node.error());
  const NodeState goal = (*node)->row.goal.state;
  if (goal != NodeState::primary && goal != NodeState::wait_primary)
    return fail(Errc::conflict, name + " is no primary that another node could replace now");
  const GroupSnapshot view = snapshot(model_, group);
  if (std::ranges::all_of(view.nodes, [&](const NodeView& n) { return why_no_successor(view, n).has_value(); }))
    return fail(Errc::conflict, "no standby can take over now");
  return {};
}

Result<> Operations::admit(const Group& group, OperationKind kind) const {
  if (is_incomplete(model_, group)) return fail(Errc::conflict, why_incomplete(model_, group.row.formation));
  AUTOCTL_TRY(admission_.while_not_paused(group.row.formation));
  // A planned hand-over whose nodes were lost may never end: it does not keep an operator from giving them up.
  if (!group.operation || (gives_up(kind) && group.operation->kind != kind)) return {};
  return fail(Errc::conflict,
              "operation " + std::to_string(group.operation->id) + " (" +
                  std::string(to_string(group.operation->kind)) + ") is still running in this group",
              "wait for its end");
}

Result<protocol::OperationDocument> Operations::begin(Group& group, OperationRow operation, const std::string& event,
                                                      const By& by) {
  operation.id = model_.last_operation + 1;
  operation.first_event = ledger_.last_event();
  operation.requested_at = env_.wall();
  Change change;
  if (group.operation) {
    OperationRow given_up = *group.operation;
    given_up.status = OperationStatus::failed;
    given_up.message =
        "an operator gave it up for a " + std::string(to_string(operation.kind)) + ", which may lose commits";
    change.operations.push_back(std::move(given_up));
  }
  change.operations.push_back(operation);
  change.events.push_back(ledger_.act(by, group.row, nullptr, event));
  if (!ledger_.commit(std::move(change)))
    return in_doubt("the operation may or may not have started", "look at `autoctl show events`");
  settler_.settle(group);
  const OperationRow& now = model_.operations.at(operation.id);
  if (now.status == OperationStatus::failed) return fail(Errc::conflict, now.message);
  return operation_document(now);
}

}  // namespace autoctl::monitor
