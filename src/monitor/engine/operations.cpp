// What operators ask for: switchover, promotion, maintenance, settings.
#include <algorithm>

#include "monitor/engine/accepting.h"
#include "monitor/engine/engine.h"
#include "monitor/engine/node_settings.h"
#include "monitor/engine/returning.h"
#include "monitor/engine/settings_values.h"
#include "monitor/fsm/maintenance.h"
#include "monitor/fsm/roles.h"

namespace autoctl::monitor {

namespace {

constexpr std::size_t operations_remembered = 200;

std::string place_of(const Group& group) {
  return "formation '" + group.row.formation + "', group " + std::to_string(group.row.group);
}

Result<const Node*> find_by_name(const Group& group, const std::string& name) {
  for (const auto& [id, node] : group.nodes)
    if (node.row.name == name && node.row.goal.state != NodeState::dropped) return &node;
  return fail(Errc::not_found, "there is no node '" + name + "' in " + place_of(group),
              "`autoctl show state` lists the nodes");
}

/// The node that goes to maintenance, or comes back. Errors: bad_usage, not_found, conflict.
Result<const Node*> find_for_maintenance(const Model& model, const Group& group,
                                         const protocol::OperationRequest& request) {
  if (request.name.empty()) return fail(Errc::bad_usage, "maintenance needs the name of the node");
  auto found = find_by_name(group, request.name);
  if (!found) return found;
  const NodeState goal = (*found)->row.goal.state;
  if (request.kind == "end_maintenance") {
    if (goal == NodeState::maintenance) return found;
    return fail(Errc::conflict, request.name + " is not in maintenance: it is " + std::string(to_string(goal)),
                "`autoctl show state` tells who is");
  }
  if (is_maintenance_state(goal))
    return fail(Errc::conflict, request.name + " is in maintenance already", "`autoctl disable maintenance` ends it");
  if (goal == NodeState::init || goal == NodeState::wait_standby)
    return fail(Errc::conflict, request.name + " has not joined its group yet", "wait until it is a secondary");
  if (is_leader_state(goal) && group.nodes.size() < 2)
    return fail(Errc::conflict, request.name + " is the only node of " + place_of(group) + ": nobody can take over",
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
Result<NodeId> find_target(const Group& group, const protocol::OperationRequest& request) {
  if (request.kind == "forced_failover") {
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
  if (request.kind == "switchover") {
    const auto members = std::ranges::count_if(
        group.nodes, [](const auto& entry) { return entry.second.row.goal.state != NodeState::dropped; });
    if (members < 2)
      return fail(Errc::conflict, place_of(group) + " has no standby to switch over to", "create a second node first");
    return NodeId{};
  }
  if (request.name.empty()) return fail(Errc::bad_usage, "a promotion needs the name of the node");
  const auto found = find_by_name(group, request.name);
  if (!found) return fail(found.error());
  const NodeRow& node = (*found)->row;
  if (is_leader_state(node.goal.state)) return fail(Errc::conflict, request.name + " is the primary already");
  if (node.candidate_priority == 0)
    return fail(Errc::conflict, request.name + " has candidate priority 0 and is never promoted");
  return node.id;
}

/// An operation that ends what is under way: it gives commits up.
bool gives_up(const std::string& kind) {
  return kind == "forced_failover" || kind == "accept_timeline";
}

/// What the request begins with; kind, target and then_maintenance are set, and `event` where there is more to say of
/// it than describe() knows.
Result<OperationRow> plan_operation(const Model& model, const Group& group, const protocol::OperationRequest& request,
                                    std::string& event) {
  OperationRow operation{.kind = request.kind, .formation = group.row.formation, .group = group.row.group};
  if (request.kind == "accept_timeline") {
    const auto accepted = plan_acceptance(snapshot(model, group), request);
    if (!accepted) return fail(accepted.error());
    operation.target = accepted->node;
    event = accepted->event;
    return operation;
  }
  if (request.kind == "hand_over") {
    operation.kind = "switchover";
    return operation;
  }
  if (!is_maintenance(request.kind)) {
    const auto target = find_target(group, request);
    if (!target) return fail(target.error());
    operation.target = *target;
    return operation;
  }
  const auto found = find_for_maintenance(model, group, request);
  if (!found) return fail(found.error());
  const NodeRow& node = (*found)->row;
  if (is_leader_state(node.goal.state)) {
    operation.kind = "switchover";
    operation.then_maintenance = node.id;
  } else {
    operation.target = node.id;
  }
  return operation;
}

/// What an operator has asked for is done, or has failed, before he pauses.
Result<> admit_pause(const Model& model, const std::string& formation) {
  for (const auto& [key, group] : model.groups)
    if (key.first == formation && group.operation)
      return fail(Errc::conflict, "a " + group.operation->kind + " is under way in group " + std::to_string(key.second),
                  "wait for its end");
  return {};
}

std::string describe(const protocol::OperationRequest& request) {
  if (request.kind == "maintenance") return "an operator asks for maintenance of " + request.name;
  if (request.kind == "end_maintenance") return "an operator ends the maintenance of " + request.name;
  if (request.kind == "forced_failover") return "an operator asks for a failover and accepts that commits may be lost";
  if (request.kind == "hand_over") return request.name + " is about to stop, and hands over first";
  return "an operator asks for a " + request.kind + (request.name.empty() ? "" : " of " + request.name);
}

}  // namespace

protocol::OperationDocument operation_document(const OperationRow& operation) {
  return {operation.id,     operation.kind,    operation.formation,  operation.group,
          operation.status, operation.message, operation.first_event};
}

void Engine::start_operation(const protocol::OperationRequest& request, const Caller& caller,
                             const Reply<protocol::OperationDocument>& reply) {
  const bool is_leaving = request.kind == "hand_over";  // asked by a node for itself
  if (auto allowed = admit_change(caller); !allowed && !is_leaving) return reply(fail(std::move(allowed.error())));
  const bool by_operator = request.kind == "switchover" || request.kind == "promotion" || gives_up(request.kind) ||
                           is_maintenance(request.kind);
  if (!is_leaving && !by_operator)
    return reply(fail(Errc::bad_usage, "there is no operation '" + request.kind + "'",
                      "operations: switchover, promotion, forced_failover, accept_timeline, maintenance, "
                      "end_maintenance, hand_over"));
  const auto found = model_.groups.find({request.formation, request.group.value_or(0)});
  if (found == model_.groups.end() || found->second.nodes.empty())
    return reply(fail(Errc::not_found, "there is no group " + std::to_string(request.group.value_or(0)) +
                                           " in formation '" + request.formation + "'"));
  Group& group = found->second;
  if (is_leaving)
    if (auto allowed = admit_hand_over(group, request.name, caller); !allowed)
      return reply(fail(std::move(allowed.error())));
  if (auto allowed = admit_operation(group, request.kind); !allowed) return reply(fail(std::move(allowed.error())));
  std::string event = describe(request);
  auto planned = plan_operation(model_, group, request, event);
  if (!planned) return reply(fail(std::move(planned.error())));
  reply(begin_operation(group, *std::move(planned), event));
}

/// A primary's keeper is about to stop. Only what can be done now counts: it does not wait for what may become
/// possible.
Result<> Engine::admit_hand_over(const Group& group, const std::string& name, const Caller& caller) const {
  const auto node = find_by_name(group, name);
  if (!node) return fail(node.error());
  if (!access_.act_as(**node, caller.bearer)) AUTOCTL_TRY(access_.operate(caller.bearer));
  if (!store_available_) return fail(Errc::unavailable, "the monitor's Postgres is away");
  if ((*node)->row.goal.state != NodeState::primary)
    return fail(Errc::conflict, name + " is no primary that another node could replace now");
  const GroupSnapshot view = snapshot(model_, group);
  if (std::ranges::all_of(view.nodes, [&](const NodeView& n) { return why_not_electable(view, n).has_value(); }))
    return fail(Errc::conflict, "no standby can take over now");
  return {};
}

Result<> Engine::admit_operation(const Group& group, const std::string& kind) const {
  if (is_incomplete(model_, group)) return fail(Errc::conflict, why_incomplete(model_, group.row.formation));
  AUTOCTL_TRY(admit_while_not_paused(group.row.formation));
  // A planned hand-over whose nodes were lost may never end: it does not keep an operator from giving them up.
  if (!group.operation || (gives_up(kind) && group.operation->kind != kind)) return {};
  return fail(Errc::conflict,
              "operation " + std::to_string(group.operation->id) + " (" + group.operation->kind +
                  ") is still running in this group",
              "wait for its end");
}

Result<protocol::OperationDocument> Engine::begin_operation(Group& group, OperationRow operation,
                                                            const std::string& event) {
  operation.id = model_.last_operation + 1;
  operation.first_event = log_.last_id() + static_cast<std::int64_t>(new_events_.size());
  operation.requested_at = env_.wall();
  Change change;
  std::optional<OperationRow> given_up = group.operation;
  if (given_up) {
    given_up->status = "failed";
    given_up->message = "an operator gave it up for a " + operation.kind + ", which may lose commits";
    change.operations.push_back(*given_up);
  }
  change.operations.push_back(operation);
  change.events.push_back(event_of(group, nullptr, "operator", event));
  if (!commit(std::move(change)))
    return fail(Errc::unavailable, "the monitor's Postgres went away: the operation may or may not have started",
                "look at `autoctl show events`");
  model_.last_operation = operation.id;
  model_.operations[operation.id] = operation;
  if (given_up) {
    model_.operations[given_up->id] = *given_up;
    finish_operation(*given_up);
  }
  while (model_.operations.size() > operations_remembered && model_.operations.begin()->second.status != "running")
    model_.operations.erase(model_.operations.begin());
  group.operation = operation;
  group.operation_since = env_.now();
  settle(group);
  flush();
  const OperationRow& now = model_.operations.at(operation.id);
  if (now.status == "failed") return fail(Errc::conflict, now.message);
  return operation_document(now);
}

void Engine::operation(std::int64_t id, Millis wait, const Caller& caller, Reply<protocol::OperationDocument> reply) {
  if (auto allowed = access_.look(model_, caller.bearer); !allowed) return reply(fail(std::move(allowed.error())));
  const auto found = model_.operations.find(id);
  if (found == model_.operations.end())
    return reply(fail(Errc::not_found, "there is no operation " + std::to_string(id) + ", or it is long over"));
  if (found->second.status != "running" || wait <= Millis{0}) return reply(operation_document(found->second));
  operation_waiters_.emplace(id, OperationWaiter{env_.now() + wait, std::move(reply)});
}

void Engine::finish_operation(const OperationRow& operation) {
  const auto [first, last] = operation_waiters_.equal_range(operation.id);
  for (auto waiter = first; waiter != last; ++waiter) waiter->second.reply(operation_document(operation));
  operation_waiters_.erase(first, last);
}

void Engine::settings(const std::string& formation, const Caller& caller,
                      const Reply<protocol::SettingsDocument>& reply) {
  if (auto allowed = access_.look(model_, caller.bearer); !allowed) return reply(fail(std::move(allowed.error())));
  const auto found = model_.formations.find(formation);
  if (found == model_.formations.end()) return reply(fail(no_such_formation(formation)));
  reply(protocol::SettingsDocument{formation, to_values(found->second.settings)});
}

void Engine::change_settings(const protocol::SettingsDocument& document, const Caller& caller,
                             const Reply<protocol::SettingsDocument>& reply) {
  if (auto allowed = admit_change(caller); !allowed) return reply(fail(std::move(allowed.error())));
  const auto found = model_.formations.find(document.formation);
  if (found == model_.formations.end()) return reply(fail(no_such_formation(document.formation)));
  FormationRow row = found->second;
  if (auto changed = change(row.settings, document.values); !changed) return reply(fail(std::move(changed.error())));
  const int sync_standbys = row.settings.number_sync_standbys;
  if (sync_standbys > found->second.settings.number_sync_standbys)
    if (auto enough = check_sync_standbys(model_, row.name, sync_standbys); !enough)
      return reply(fail(std::move(enough.error())));
  if (!row.settings.secondaries && found->second.settings.secondaries)
    if (auto none = check_no_secondaries(model_, row.name); !none) return reply(fail(std::move(none.error())));
  if (row.settings.paused && !found->second.settings.paused)
    if (auto idle = admit_pause(model_, row.name); !idle) return reply(fail(std::move(idle.error())));
  if (row.settings != found->second.settings) {
    Change written;
    written.formations.push_back(row);
    protocol::EventDocument event{.time = event_time(env_.wall()), .formation = row.name, .kind = "operator"};
    for (const auto& [name, value] : document.values)
      event.description += (event.description.empty() ? "settings: " : ", ") + name + " = " + value;
    written.events.push_back(std::move(event));
    if (!commit(std::move(written)))
      return reply(
          fail(Errc::unavailable, "the monitor's Postgres went away: the change may or may not have been made"));
    found->second = row;
    settle_all();
  }
  reply(protocol::SettingsDocument{row.name, to_values(row.settings)});
  flush();
}

void Engine::events(const EventQuery& query, Millis wait, const Caller& caller, Reply<protocol::EventsDocument> reply) {
  if (auto allowed = access_.look(model_, caller.bearer); !allowed) return reply(fail(std::move(allowed.error())));
  auto found = log_.read(query);
  if (!found) {
    if (!store_available_)
      return reply(fail(Errc::unavailable, "the monitor's Postgres is away: older events cannot be read now"));
    auto stored = store_.events(query);
    if (!stored) return reply(fail(std::move(stored.error())));
    const bool cut = !query.latest && stored->size() == static_cast<std::size_t>(query.count);
    const std::int64_t last = cut ? stored->back().id : log_.last_id();
    found = protocol::EventsDocument{*std::move(stored), last};
  }
  if (!found->events.empty() || wait <= Millis{0}) return reply(*std::move(found));
  EventQuery follow = query;
  follow.latest = false;
  follow.after = std::max(query.after, log_.last_id());
  log_.follow(follow, env_.now() + wait, std::move(reply));
}

}  // namespace autoctl::monitor
