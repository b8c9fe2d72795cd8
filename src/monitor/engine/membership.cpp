// Nodes come and go, and are shown.
#include <algorithm>

#include "monitor/engine/documents.h"
#include "monitor/engine/engine.h"
#include "monitor/engine/node_settings.h"
#include "monitor/engine/registration.h"

namespace autoctl::monitor {

namespace {

tl::unexpected<Error> store_is_away() {
  return fail(Errc::unavailable, "the monitor's Postgres is away: nothing can be changed now", "try again in a moment");
}

/// A primary that waits for nobody is the only node that has every commit it acknowledged, and goes on acknowledging
/// until it hears that it was dropped: no quorum fences it.
Result<> check_dispensable(const Group& group, const Node& node) {
  const bool has_served = node.row.reported != NodeState::init;
  const bool alone_has_all =
      has_served && is_leader_state(node.row.goal.state) && group.row.quorum_assigned.asynchronous();
  if (!alone_has_all) return {};
  const bool unheard = node.health.verdict != Verdict::healthy;
  const bool others = std::ranges::any_of(group.nodes, [&](const auto& entry) {
    return entry.first != node.row.id && entry.second.row.goal.state != NodeState::dropped;
  });
  if (!unheard && !others) return {};
  return fail(Errc::conflict,
              node.row.name + " waits for no standby (" + std::string(to_string(node.row.goal.state)) +
                  "): no other node is known to have all that it acknowledged" +
                  (unheard ? "; it is " + std::string(to_string(node.health.verdict)) +
                                 ", and where it still runs it goes on taking writes"
                           : ""),
              std::string(unheard ? "make sure that it does not run any more" : "wait until a standby is a secondary") +
                  ", or give up what only it has: --allow-data-loss");
}

}  // namespace

Result<> Engine::admit_change(const Caller& caller) const {
  AUTOCTL_TRY(access_.operate(caller.bearer));
  if (!store_available_) return store_is_away();
  return {};
}

Result<> Engine::admit_while_not_paused(const std::string& formation) const {
  const auto found = model_.formations.find(formation);
  if (found == model_.formations.end() || !found->second.settings.paused) return {};
  return fail(Errc::conflict, "formation '" + formation + "' is paused", "`autoctl resume` ends that");
}

std::optional<FormationRow> Engine::fit_sync_standbys(const Group& group, QuorumChange what, Change& change) const {
  FormationRow formation = model_.formations.at(group.row.formation);
  const int fitting = fitting_sync_standbys(model_, group, what);
  if (fitting == formation.settings.number_sync_standbys) return std::nullopt;
  formation.settings.number_sync_standbys = fitting;
  change.formations.push_back(formation);
  const std::string why = what == QuorumChange::standby_registers ? "there is a second standby in the quorum"
                                                                  : "there is one standby less in the quorum";
  change.events.push_back(event_of(group, nullptr, "monitor",
                                   "number_sync_standbys is " + std::to_string(fitting) + " from now on: " + why));
  return formation;
}

void Engine::adopt(const std::optional<FormationRow>& fitted) {
  if (!fitted) return;
  model_.formations[fitted->name] = *fitted;
  settle_all();  // the formation's other groups hear of it, too
}

void Engine::register_node(const protocol::RegisterRequest& request, const Caller& caller,
                           Reply<protocol::RegisterAnswer> reply) {
  if (auto allowed = admit_change(caller); !allowed) return reply(fail(std::move(allowed.error())));
  if (auto allowed = admit_while_not_paused(request.formation); !allowed && !request.former)
    return reply(fail(std::move(allowed.error())));
  auto plan = plan_registration(model_, request, env_);
  if (!plan) return reply(fail(std::move(plan.error())));
  const std::string token = env_.random_token();
  plan->node.token_sha256 = access_.hash_of(token);
  const GroupKey key{plan->node.formation, plan->node.group};
  const NodeId id = plan->node.id;

  // The model changes only after the commit: until then the newcomer lives in a copy.
  Group group;
  if (const auto found = model_.groups.find(key); found != model_.groups.end()) group.row = found->second.row;
  if (plan->changed_group) group.row = *plan->changed_group;
  Node node;
  node.row = plan->node;
  node.seen.watching_since = node.goal_since = env_.now();
  node.health = {Verdict::healthy, "registered just now"};

  Change change;
  if (plan->changed_formation) change.formations.push_back(*plan->changed_formation);
  if (plan->changed_group) change.groups.push_back(*plan->changed_group);
  change.nodes.push_back(node.row);
  change.events.push_back(event_of(group, &node, "operator", node.row.name + " is registered"));
  if (node.row.awaited) node.health = {Verdict::unreachable, "it has not come to this monitor yet"};
  std::optional<FormationRow> fitted;  // former nodes bring the formation's settings with them
  if (!request.former && !plan->changed_group && node.row.replication_quorum)
    fitted = fit_sync_standbys(model_.groups.at(key), QuorumChange::standby_registers, change);
  if (!commit(std::move(change)))
    return reply(fail(Errc::unavailable, "the monitor's Postgres went away: the node may or may not be registered",
                      "try again in a moment; should its name be taken then, drop that node first"));

  if (plan->changed_formation) model_.formations[key.first] = *plan->changed_formation;
  if (plan->changed_group) model_.groups[key].row = *plan->changed_group;
  model_.last_node = std::max(model_.last_node, id);
  Group& joined = model_.groups.at(key);
  joined.nodes[id] = std::move(node);
  prober_.prepare(request.host);
  env_.inform(about(key.first, key.second) + "node " + std::to_string(id.value) + " \"" + joined.nodes.at(id).row.name +
              "\" at " + request.host + ":" + std::to_string(request.port) + " is registered");
  adopt(fitted);
  settle(joined);

  const FormationRow& formation = model_.formations.at(key.first);
  const NodeRow& row = joined.nodes.at(id).row;
  reply(protocol::RegisterAnswer{.node = id,
                                 .group = row.group,
                                 .name = row.name,
                                 .token = token,
                                 .monitor_id = model_.monitor_id,
                                 .replication_password = formation.replication_password,
                                 .goal = row.goal,
                                 .dbname = formation.dbname});
  flush();
}

void Engine::state(const std::string& formation, std::optional<GroupId> group, const Caller& caller,
                   const Reply<protocol::StateDocument>& reply) {
  if (auto allowed = access_.look(model_, caller.bearer); !allowed) return reply(fail(std::move(allowed.error())));
  reply(state_document(model_, formation, group, store_available_, env_.now()));
}

/// Asked twice, an operator means it: a node that cannot be heard is forgotten without its word, once its lease is
/// over.
void Engine::drop_again(Group& group, const Node& node, const Reply<>& reply) {
  if (node.health.verdict == Verdict::healthy) return reply({});  // it has heard, and is about to stop
  if (env_.now() < node.lease_until)
    return reply(fail(Errc::conflict, node.row.name + " may still believe in its lease", "try again in a few seconds"));
  if (!remove(group, node.row.id)) return reply(store_is_away());
  settle(group);
  reply({});
  flush();
}

void Engine::drop_node(NodeId id, bool allow_data_loss, const Caller& caller, const Reply<>& reply) {
  Group* group = model_.group_of(id);
  if (group == nullptr) {
    if (auto allowed = access_.operate(caller.bearer); !allowed) return reply(fail(std::move(allowed.error())));
    return reply(fail(Errc::not_found, "there is no node " + std::to_string(id.value) + " on this monitor"));
  }
  Node& node = group->nodes.at(id);
  if (!access_.act_as(node, caller.bearer))
    if (auto allowed = access_.operate(caller.bearer); !allowed) return reply(fail(std::move(allowed.error())));
  if (!store_available_) return reply(store_is_away());
  if (auto allowed = admit_while_not_paused(group->row.formation); !allowed)
    return reply(fail(std::move(allowed.error())));
  if (node.row.awaited) return drop_awaited(*group, node, allow_data_loss, reply);
  if (node.row.goal.state == NodeState::dropped) return drop_again(*group, node, reply);
  const bool itself = access_.act_as(node, caller.bearer).has_value();  // it has stopped, where an operator sees to it
  if (!allow_data_loss && !itself)
    if (auto dispensable = check_dispensable(*group, node); !dispensable)
      return reply(fail(std::move(dispensable.error())));

  Change change;
  GroupRow row = group->row;
  row.term = Term{row.term.value + 1};
  NodeRow dropped = node.row;
  dropped.goal = Goal{.state = NodeState::dropped, .term = row.term};
  change.groups.push_back(row);
  change.nodes.push_back(dropped);
  const char* const accepts = allow_data_loss ? ", who accepts that commits may be lost" : "";
  auto event = event_of(*group, &node, "operator", node.row.name + " is dropped by an operator" + accepts);
  event.assigned = NodeState::dropped;
  event.term = row.term;
  change.events.push_back(std::move(event));
  std::optional<FormationRow> fitted;
  if (node.row.replication_quorum || is_leader_state(node.row.goal.state))
    fitted = fit_sync_standbys(*group, QuorumChange::node_is_dropped, change);
  if (!commit(std::move(change))) return reply(store_is_away());
  group->row = row;
  node.row = dropped;
  node.goal_since = env_.now();
  adopt(fitted);
  settle(*group);
  reply({});
  flush();
}

void Engine::change_node(NodeId id, const protocol::SettingsDocument& changes, const Caller& caller,
                         const Reply<protocol::SettingsDocument>& reply) {
  if (auto allowed = admit_change(caller); !allowed) return reply(fail(std::move(allowed.error())));
  Group* group = model_.group_of(id);
  if (group == nullptr)
    return reply(fail(Errc::not_found, "there is no node " + std::to_string(id.value) + " on this monitor",
                      "`autoctl show state` lists the nodes"));
  Node& node = group->nodes.at(id);
  auto changed = with_settings(model_, *group, node.row, changes.values);
  if (!changed) return reply(fail(std::move(changed.error())));
  std::string what;
  for (const auto& [name, value] : changes.values) what += (what.empty() ? ": " : ", ") + name + " = " + value;
  Change change;
  change.nodes.push_back(*changed);
  change.events.push_back(event_of(*group, &node, "operator", node.row.name + what));
  if (!commit(std::move(change)))
    return reply(fail(Errc::unavailable, "the monitor's Postgres went away: the change may or may not have been made"));
  node.row = *changed;
  settle(*group);
  reply(protocol::SettingsDocument{node.row.formation, node_settings(node.row)});
  flush();
}

}  // namespace autoctl::monitor
