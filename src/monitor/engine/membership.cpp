#include "monitor/engine/membership.h"

#include <algorithm>
#include <utility>

#include "monitor/engine/node_settings.h"
#include "monitor/engine/reachable.h"
#include "monitor/engine/registration.h"
#include "monitor/engine/sync_standbys.h"

namespace autoctl::monitor {

namespace {

/// A primary that waits for no standby is the only node that has every commit it acknowledged. It goes on acknowledging
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

std::string no_such_node(NodeId id) {
  return "there is no node " + std::to_string(id.value) + " on this monitor";
}

}  // namespace

Result<protocol::RegisterAnswer> Membership::add(protocol::RegisterRequest request, const Caller& caller) {
  const auto join_token = tokens_.admit(request, caller);
  if (!join_token) return fail(join_token.error());
  const By by = admission_.signature(caller);
  if (auto allowed = admission_.while_not_paused(request.formation); !allowed && !request.former)
    return fail(std::move(allowed.error()));
  AUTOCTL_TRY(check_reachable(model_, request, caller));
  auto plan = plan_registration(model_, request, env_);
  if (!plan) return fail(std::move(plan.error()));
  const std::string token = (request.csr.empty() ? "" : std::string(protocol::certified_prefix)) + env_.random_token();
  plan->node.token_sha256 = access_.hash_of(token);
  const GroupKey key{plan->node.formation, plan->node.group};
  const NodeId id = plan->node.id;
  const auto found = model_.groups.find(key);

  Change change;
  if (plan->changed_formation) change.formations.push_back(*plan->changed_formation);
  if (plan->changed_group) change.groups.push_back(*plan->changed_group);
  change.nodes.push_back(plan->node);
  const GroupRow group_row = plan->changed_group ? *plan->changed_group : found->second.row;
  std::string what = plan->node.name + " is registered";
  if (*join_token) {
    change.tokens.push_back(**join_token);
    what += " with " + name_of(**join_token);
  }
  change.events.push_back(ledger_.act(by, group_row, &plan->node, what));
  // Former nodes bring the formation's settings with them.
  const bool joins = !request.former && !plan->changed_group && plan->node.replication_quorum;
  const bool fitted =
      joins && fit_sync_standbys(model_, ledger_, found->second, QuorumChange::standby_registers, change);
  if (!ledger_.commit(std::move(change)))
    return in_doubt("the node may or may not be registered",
                    "try again in a moment; should its name be taken then, drop that node first");

  suspects_.prepare(request.host);
  Group& group = model_.groups.at(key);
  const NodeRow& row = group.nodes.at(id).row;
  env_.inform(about(key.first, key.second) + "node " + std::to_string(id.value) + " \"" + row.name + "\" at " +
              request.host + ":" + std::to_string(request.port) + " is registered");
  if (fitted) settler_.settle_all();  // the formation's other groups hear of it, too
  settler_.settle(group);

  const FormationRow& formation = model_.formations.at(key.first);
  return protocol::RegisterAnswer{.node = id,
                                  .group = row.group,
                                  .name = row.name,
                                  .token = token,
                                  .monitor_id = model_.monitor_id,
                                  .replication_password = formation.replication_password,
                                  .goal = row.goal,
                                  .dbname = formation.dbname};
}

Result<> Membership::certify(NodeId id, const std::string& host, const Caller& caller) {
  Group* group = model_.group_of(id);
  if (group == nullptr) {
    AUTOCTL_TRY(admission_.may(Right::own_node, caller));
    return fail(Errc::not_found, no_such_node(id));
  }
  const Node& node = group->nodes.at(id);
  const auto by = admission_.speak_for(node, caller);
  if (!by) return fail(by.error());
  if (node.row.goal.state == NodeState::dropped) return fail(Errc::denied, node.row.name + " was dropped");
  if (node.row.host != host)
    return fail(Errc::conflict, node.row.name + " is registered at " + node.row.host + ", not at " + host,
                "`autoctl set node metadata --hostname` there gives it another");
  ledger_.tell(ledger_.act(*by, group->row, &node.row, node.row.name + " gets another certificate"));
  return {};
}

Result<> Membership::drop(NodeId id, bool allow_data_loss, const Caller& caller) {
  Group* group = model_.group_of(id);
  if (group == nullptr) {
    AUTOCTL_TRY(admission_.may(Right::own_node, caller));
    return fail(Errc::not_found, no_such_node(id));
  }
  const Node& node = group->nodes.at(id);
  const auto by = admission_.speak_for(node, caller);
  if (!by) return fail(by.error());
  AUTOCTL_TRY(admission_.while_not_paused(group->row.formation));
  if (node.row.awaited) return returning_.drop(*group, node, allow_data_loss, *by);
  if (node.row.goal.state == NodeState::dropped) return drop_again(*group, node, *by);
  return drop_member(*group, node, allow_data_loss, caller);
}

/// Asked twice, an operator means it: a node that cannot be heard is forgotten without its word, once its lease is
/// over.
Result<> Membership::drop_again(Group& group, const Node& node, const By& by) {
  if (node.health.verdict == Verdict::healthy) return {};  // it has heard, and is about to stop
  if (env_.now() < node.lease_until)
    return fail(Errc::conflict, node.row.name + " may still believe in its lease", "try again in a few seconds");
  if (!settler_.remove(group, node.row.id, {}, by))
    return in_doubt("the node may or may not be gone", "try again in a moment");
  settler_.settle(group);
  return {};
}

Result<> Membership::drop_member(Group& group, const Node& node, bool allow_data_loss, const Caller& caller) {
  const bool itself = admission_.is_itself(node, caller);  // it has stopped, where an operator sees to it
  if (!allow_data_loss && !itself) AUTOCTL_TRY(check_dispensable(group, node));

  Change change;
  GroupRow row = group.row;
  row.term = Term{row.term.value + 1};
  change.groups.push_back(row);
  change.nodes.push_back(node.row);
  change.nodes.back().goal = Goal{.state = NodeState::dropped, .term = row.term};
  const char* const accepts = allow_data_loss ? ", who accepts that commits may be lost" : "";
  auto event = ledger_.act(admission_.signature(caller), row, &node.row,
                           node.row.name + " is dropped by an operator" + std::string(accepts));
  event.assigned = NodeState::dropped;
  change.events.push_back(std::move(event));
  const bool counts = node.row.replication_quorum || is_leader_state(node.row.goal.state);
  const bool fitted = counts && fit_sync_standbys(model_, ledger_, group, QuorumChange::node_is_dropped, change);
  if (!ledger_.commit(std::move(change)))
    return in_doubt("the node may or may not be dropped", "try again in a moment");
  if (fitted) settler_.settle_all();  // the formation's other groups hear of it, too
  settler_.settle(group);
  return {};
}

Result<protocol::SettingsDocument> Membership::change(NodeId id, const protocol::SettingsDocument& changes,
                                                      const Caller& caller) {
  AUTOCTL_TRY(admission_.may(Right::operate, caller));
  Group* group = model_.group_of(id);
  if (group == nullptr) return fail(Errc::not_found, no_such_node(id), "`autoctl show state` lists the nodes");
  const auto by = admission_.operate(group->row.formation, caller);
  if (!by) return fail(by.error());
  const NodeRow& row = group->nodes.at(id).row;
  auto changed = with_settings(model_, *group, row, changes.values);
  if (!changed) return fail(std::move(changed.error()));
  std::string what;
  for (const auto& [name, value] : changes.values) what += (what.empty() ? ": " : ", ") + name + " = " + value;
  Change change;
  change.nodes.push_back(*changed);
  change.events.push_back(ledger_.act(*by, group->row, &row, row.name + what));
  if (!ledger_.commit(std::move(change))) return in_doubt("the change may or may not have been made");
  settler_.settle(*group);
  return protocol::SettingsDocument{row.formation, node_settings(row)};
}

}  // namespace autoctl::monitor
