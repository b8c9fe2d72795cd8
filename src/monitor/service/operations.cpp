// What operators ask for: switchover, promotion, settings.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "monitor/service/engine.h"
#include "monitor/service/node_settings.h"
#include "monitor/service/returning.h"
#include "monitor/settings_values.h"

namespace autoctl::monitor {

namespace {

constexpr std::size_t operations_remembered = 200;

/// The node that an operation is to make primary; NodeId 0 lets the rules choose. Errors: bad_usage, not_found,
/// conflict.
Result<NodeId> find_target(const Group& group, const protocol::OperationRequest& request) {
  const std::string where = "formation '" + group.row.formation + "', group " + std::to_string(group.row.group);
  if (request.kind == "forced_failover") {
    for (const auto& [id, node] : group.nodes) {
      const bool lost = node.health.verdict == Verdict::dead || node.health.verdict == Verdict::unreachable;
      if (is_leader_state(node.row.goal.state) && !lost)
        return fail(Errc::conflict,
                    node.row.name + " is the primary of " + where + " and is " +
                        std::string(to_string(node.health.verdict)) + ": nothing has to be lost",
                    "`autoctl perform failover` without --allow-data-loss");
    }
    return NodeId{};
  }
  if (request.kind == "switchover") {
    const auto members = std::ranges::count_if(
        group.nodes, [](const auto& entry) { return entry.second.row.goal.state != NodeState::dropped; });
    if (members < 2)
      return fail(Errc::conflict, where + " has no standby to switch over to", "create a second node first");
    return NodeId{};
  }
  if (request.name.empty()) return fail(Errc::bad_usage, "a promotion needs the name of the node");
  for (const auto& [id, node] : group.nodes) {
    if (node.row.name != request.name) continue;
    if (is_leader_state(node.row.goal.state)) return fail(Errc::conflict, request.name + " is the primary already");
    if (node.row.candidate_priority == 0)
      return fail(Errc::conflict, request.name + " has candidate priority 0 and is never promoted");
    return id;
  }
  return fail(Errc::not_found, "there is no node '" + request.name + "' in " + where,
              "`autoctl show state` lists the nodes");
}

}  // namespace

protocol::OperationDocument operation_document(const OperationRow& operation) {
  return {operation.id,     operation.kind,    operation.formation,  operation.group,
          operation.status, operation.message, operation.first_event};
}

void Engine::start_operation(const protocol::OperationRequest& request, const Caller& caller,
                             const Reply<protocol::OperationDocument>& reply) {
  if (auto allowed = admit_change(caller); !allowed) return reply(fail(std::move(allowed.error())));
  const bool forced = request.kind == "forced_failover";
  if (!forced && request.kind != "switchover" && request.kind != "promotion")
    return reply(fail(Errc::bad_usage, "there is no operation '" + request.kind + "'",
                      "operations: switchover, promotion, forced_failover"));
  const auto found = model_.groups.find({request.formation, request.group.value_or(0)});
  if (found == model_.groups.end() || found->second.nodes.empty())
    return reply(fail(Errc::not_found, "there is no group " + std::to_string(request.group.value_or(0)) +
                                           " in formation '" + request.formation + "'"));
  Group& group = found->second;
  if (is_incomplete(model_, group)) return reply(fail(Errc::conflict, why_incomplete(model_, request.formation)));
  // A planned hand-over whose nodes were lost may never end: it does not keep an operator from giving them up.
  const bool gives_up = forced && group.operation && group.operation->kind != request.kind;
  if (group.operation && !gives_up)
    return reply(fail(Errc::conflict,
                      "operation " + std::to_string(group.operation->id) + " (" + group.operation->kind +
                          ") is still running in this group",
                      "wait for its end"));
  const auto target = find_target(group, request);
  if (!target) return reply(fail(target.error()));

  OperationRow operation{.id = model_.last_operation + 1, .kind = request.kind, .formation = request.formation};
  operation.group = group.row.group;
  operation.target = *target;
  operation.first_event = log_.last_id() + static_cast<std::int64_t>(new_events_.size());
  operation.requested_at = clock_.wall();
  Change change;
  std::optional<OperationRow> given_up;
  if (gives_up) {
    given_up = group.operation;
    given_up->status = "failed";
    given_up->message = "an operator gave it up for a failover that may lose commits";
    change.operations.push_back(*given_up);
  }
  change.operations.push_back(operation);
  change.events.push_back(event_of(
      group, nullptr, "operator",
      forced ? "an operator asks for a failover and accepts that commits may be lost"
             : "an operator asks for a " + request.kind + (request.name.empty() ? "" : " of " + request.name)));
  if (!commit(std::move(change)))
    return reply(fail(Errc::unavailable, "the monitor's Postgres went away: the operation may or may not have started",
                      "look at `autoctl show events`"));
  model_.last_operation = operation.id;
  model_.operations[operation.id] = operation;
  if (given_up) {
    model_.operations[given_up->id] = *given_up;
    finish_operation(*given_up);
  }
  while (model_.operations.size() > operations_remembered && model_.operations.begin()->second.status != "running")
    model_.operations.erase(model_.operations.begin());
  group.operation = operation;
  group.operation_since = clock_.now();
  settle(group);
  flush();
  const OperationRow& now = model_.operations.at(operation.id);
  if (now.status == "failed") return reply(fail(Errc::conflict, now.message));
  reply(operation_document(now));
}

void Engine::operation(std::int64_t id, Millis wait, const Caller& caller, Reply<protocol::OperationDocument> reply) {
  if (auto allowed = access_.look(model_, caller.bearer); !allowed) return reply(fail(std::move(allowed.error())));
  const auto found = model_.operations.find(id);
  if (found == model_.operations.end())
    return reply(fail(Errc::not_found, "there is no operation " + std::to_string(id) + ", or it is long over"));
  if (found->second.status != "running" || wait <= Millis{0}) return reply(operation_document(found->second));
  operation_waiters_.emplace(id, OperationWaiter{clock_.now() + wait, std::move(reply)});
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
  if (row.settings != found->second.settings) {
    Change written;
    written.formations.push_back(row);
    protocol::EventDocument event{.time = event_time(clock_.wall()), .formation = row.name, .kind = "operator"};
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
  log_.follow(follow, clock_.now() + wait, std::move(reply));
}

}  // namespace autoctl::monitor
