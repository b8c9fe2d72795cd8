// From an empty group to a standby that streams, and back to a group of one.
#include "monitor/fsm/rule.h"

namespace autoctl::monitor {

namespace {

bool beyond_init(const NodeView& node) {
  return node.goal.state != NodeState::init;
}

/// It has been assigned more than its registration, and is meant to stay.
bool is_member(const NodeView& node) {
  return beyond_init(node) && node.goal.state != NodeState::dropped;
}

const NodeView* newcomer(const GroupSnapshot& group) {
  return find_node(group, [](const NodeView& n) { return n.goal.state == NodeState::init; });
}

/// Both stream the same history, and the standby is at most the allowed lag behind.
bool is_close(const NodeView& standby, const NodeView& leader, const Settings& settings) {
  const auto lag_max = Lsn{standby.facts.lsn.value + settings.catchup_lag_bytes};
  return standby.facts.timeline == leader.facts.timeline && leader.facts.lsn <= lag_max;
}

}  // namespace

/// A dropped node that is still listed may still serve: another primary has to wait until it is gone.
Outcome first_node_becomes_single(const Context& c) {
  const NodeView* first = newcomer(c.group);
  if (first == nullptr || std::ranges::any_of(c.group.nodes, beyond_init)) return std::nullopt;
  return Effect(c, first->name + " is the first node of its group").assign(*first, NodeState::single).asynchronous();
}

Outcome newcomer_waits_for_primary(const Context& c) {
  const NodeView* node = newcomer(c.group);
  if (node == nullptr || std::ranges::none_of(c.group.nodes, is_member)) return std::nullopt;
  return Effect(c, node->name + " joins a group that has a primary").assign(*node, NodeState::wait_standby);
}

Outcome primary_opens_to_newcomer(const Context& c) {
  if (c.leader == nullptr || c.leader->goal.state != NodeState::single || !settled(*c.leader)) return std::nullopt;
  const NodeView* waiting =
      find_node(c.group, [](const NodeView& n) { return n.goal.state == NodeState::wait_standby && settled(n); });
  if (waiting == nullptr) return std::nullopt;
  return Effect(c, waiting->name + " waits to become a standby of " + c.leader->name)
      .assign(*c.leader, NodeState::wait_primary)
      .asynchronous();
}

Outcome newcomer_starts_copy(const Context& c) {
  if (c.leader == nullptr || c.leader->goal.state == NodeState::single || !serves_as_primary(*c.leader))
    return std::nullopt;
  const NodeView* ready = find_node(c.group, [&](const NodeView& n) {
    return n.goal.state == NodeState::wait_standby && settled(n) && contains(c.leader->facts.prepared_peers, n.id);
  });
  if (ready == nullptr) return std::nullopt;
  return Effect(c, c.leader->name + " has a replication slot and an HBA line for " + ready->name)
      .follow(*ready, NodeState::catchingup, c.leader->id);
}

Outcome standby_caught_up(const Context& c) {
  if (c.leader == nullptr || !serves_as_primary(*c.leader)) return std::nullopt;
  const NodeView* ready = find_node(c.group, [&](const NodeView& n) {
    return n.goal.state == NodeState::catchingup && n.goal.upstream == c.leader->id && settled(n) && healthy(n) &&
           n.facts.receiving && contains(c.leader->facts.streaming, n.id) && is_close(n, *c.leader, c.settings);
  });
  if (ready == nullptr) return std::nullopt;
  return Effect(c, ready->name + " streams from " + c.leader->name + " at " + to_string(ready->facts.lsn) +
                       ", the primary is at " + to_string(c.leader->facts.lsn))
      .follow(*ready, NodeState::secondary, c.leader->id);
}

Outcome standby_follows_primary(const Context& c) {
  if (c.leader == nullptr || !serves_as_primary(*c.leader)) return std::nullopt;
  const NodeView* astray = find_node(c.group, [&](const NodeView& n) {
    if (!contains(c.leader->facts.prepared_peers, n.id)) return false;
    if (n.goal.state == NodeState::wait_maintenance) return !is_wanted_for_maintenance(c.group, n.id);  // called off
    if (n.goal.state == NodeState::report_lsn) return true;
    return is_standby_state(n.goal.state) && n.goal.upstream != c.leader->id;
  });
  if (astray == nullptr) return std::nullopt;
  return Effect(c, c.leader->name + " is the primary that " + astray->name + " has to follow")
      .assign(*astray, NodeState::catchingup,
              Goal{.upstream = c.leader->id, .fresh_copy = astray->goal.fresh_copy && !settled(*astray)});
}

Outcome primary_is_alone(const Context& c) {
  if (c.leader == nullptr || c.leader->goal.state == NodeState::single || !serves_as_primary(*c.leader))
    return std::nullopt;
  const bool others = std::ranges::any_of(
      c.group.nodes, [&](const NodeView& n) { return n.id != c.leader->id && n.goal.state != NodeState::dropped; });
  if (others) return std::nullopt;
  return Effect(c, "no other node is left in the group").assign(*c.leader, NodeState::single).asynchronous();
}

}  // namespace autoctl::monitor
