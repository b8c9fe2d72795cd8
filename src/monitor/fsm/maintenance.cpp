// An operator takes a node out of service, and back. First the quorum lets go of it (quorum_rules.cpp): the primary
// stops waiting for it and proves that, while the node streams on as a secondary that an election may need. Only then
// is it handed to the operator.
#include "monitor/fsm/maintenance.h"

#include "monitor/fsm/rule.h"

namespace autoctl::monitor {

namespace {

using Kind = MaintenanceRequest::Kind;

/// A request that cannot be fulfilled now is refused after this long.
constexpr Millis patience{5000};

bool asks_for(const Context& c, Kind kind) {
  return c.group.maintenance && c.group.maintenance->kind == kind;
}

bool overdue(const Context& c, Millis after) {
  return c.now - c.group.maintenance->requested_at >= after;
}

bool is_waited_for(const GroupSnapshot& group, NodeId id) {
  return contains(group.quorum_confirmed.voters, id) || contains(group.quorum_assigned.voters, id);
}

/// A standby, or a former primary that has stopped.
bool may_begin(const NodeView& node) {
  return follows_primary(node.goal.state) || (node.goal.state == NodeState::demoted && settled(node));
}

std::string why_not_let_go(const Context& c) {
  if (c.leader == nullptr) return "there is no primary";
  if (!healthy(*c.leader)) return "the primary, " + c.leader->name + ", is not healthy: " + c.leader->health.why;
  if (!settled(*c.leader))
    return "the primary, " + c.leader->name + ", has not proved in time that it no longer waits for it";
  return "it is " + std::string(to_string(c.group.find(c.group.maintenance->node)->goal.state));
}

/// Empty while the maintenance can still begin.
std::string why_not(const Context& c, const NodeView* node) {
  if (node == nullptr || node->goal.state == NodeState::dropped) return "it was dropped";
  if (is_leader_state(node->goal.state)) return "it has become the primary";
  const std::string why = why_indispensable(c.group, c.settings, *node);
  if (!why.empty() && overdue(c, patience)) return why;
  if (!overdue(c, c.settings.drain_timeout)) return {};
  if (node->goal.state == NodeState::maintenance)
    return "it has not reached maintenance in time" + (node->facts.trouble.empty() ? "" : ": " + node->facts.trouble);
  return why_not_let_go(c);
}

}  // namespace

std::string why_indispensable(const GroupSnapshot& group, const Settings& settings, const NodeView& node) {
  const bool leads = is_leader_state(node.goal.state);
  if (settings.number_sync_standbys == 0 || (!leads && !is_waited_for(group, node.id))) return {};
  const auto others = std::ranges::count_if(group.nodes, [&](const NodeView& n) {
    return n.id != node.id && n.goal.state == NodeState::secondary && n.replication_quorum && !lost(n);
  });
  const auto left = others - (leads ? 1 : 0);  // one of them will be the primary
  if (left >= settings.number_sync_standbys) return {};
  return "commits have to wait for " + std::to_string(settings.number_sync_standbys) + " standbys, and only " +
         std::to_string(left) + " would be left";
}

bool leaves_for_maintenance(const GroupSnapshot& group, const Settings& settings, NodeId id) {
  if (!is_wanted_for_maintenance(group, id)) return false;
  const NodeView* node = group.find(id);
  return node != nullptr && why_indispensable(group, settings, *node).empty();
}

Outcome maintenance_reached(const Context& c) {
  if (!asks_for(c, Kind::begin)) return std::nullopt;
  const NodeView* node = c.group.find(c.group.maintenance->node);
  if (node == nullptr || node->goal.state != NodeState::maintenance || (!settled(*node) && !lost(*node)))
    return std::nullopt;
  const std::string what =
      node->name + (settled(*node) ? " is in maintenance" : " is away, and will be in maintenance when it is back");
  return Effect(c, what).end_operation(true, what);
}

Outcome maintenance_refused(const Context& c) {
  if (!asks_for(c, Kind::begin)) return std::nullopt;
  const NodeView* node = c.group.find(c.group.maintenance->node);
  const std::string why = why_not(c, node);
  if (why.empty()) return std::nullopt;
  return Effect(c, (node == nullptr ? "the node" : node->name) + " cannot be taken out of service: " + why)
      .end_operation(false, why);
}

Outcome maintenance_starts(const Context& c) {
  if (!asks_for(c, Kind::begin) || c.leader == nullptr || !serves_as_primary(*c.leader) || !settled(*c.leader))
    return std::nullopt;
  const NodeView* node = c.group.find(c.group.maintenance->node);
  if (node == nullptr || !may_begin(*node) || is_waited_for(c.group, node->id)) return std::nullopt;
  return Effect(c, c.leader->name + " no longer waits for " + node->name + ": its maintenance begins")
      .follow(*node, NodeState::maintenance, c.leader->id);
}

Outcome maintenance_ends(const Context& c) {
  if (!asks_for(c, Kind::end) || c.leader == nullptr || !serves_as_primary(*c.leader)) return std::nullopt;
  const NodeView* node = c.group.find(c.group.maintenance->node);
  if (node == nullptr || node->goal.state != NodeState::maintenance) return std::nullopt;
  const bool anew = c.group.maintenance->fresh_copy;
  return Effect(c, "an operator ends the maintenance of " + node->name + ": it follows " + c.leader->name +
                       (anew ? ", from a fresh copy" : " again"))
      .assign(*node, NodeState::catchingup, Goal{.upstream = c.leader->id, .fresh_copy = anew})
      .end_operation(true, node->name + " rejoins");
}

Outcome maintenance_end_refused(const Context& c) {
  if (!asks_for(c, Kind::end)) return std::nullopt;
  const NodeView* node = c.group.find(c.group.maintenance->node);
  const bool gone = node == nullptr || node->goal.state != NodeState::maintenance;
  if (!gone && !overdue(c, patience)) return std::nullopt;
  const std::string why = gone ? "it is no longer in maintenance" : "there is no primary for it to follow";
  return Effect(c, (node == nullptr ? "the node" : node->name) + " cannot come back: " + why).end_operation(false, why);
}

}  // namespace autoctl::monitor
