#include "monitor/engine/assignments.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "monitor/engine/citus_plan.h"
#include "monitor/engine/incomplete.h"
#include "monitor/engine/settings_values.h"
#include "monitor/engine/twins.h"
#include "monitor/engine/written.h"

namespace autoctl::monitor {

namespace {

/// A held answer leaves a little before the heartbeat is over, so that the next report is on time.
Millis hold_time(const Settings& settings) {
  return settings.heartbeat - settings.heartbeat / 20;
}

/// Of the last answer to a node that was dropped long ago. Nothing comes after it, and a node that has heard it is not
/// told again.
constexpr Term last_term{std::numeric_limits<std::uint64_t>::max()};
constexpr std::uint64_t last_version = std::numeric_limits<std::uint64_t>::max();

/// Do they say the same but for version and lease?
bool same_content(const protocol::Assignment& a, const protocol::Assignment& b) {
  return a.monitor_id == b.monitor_id && a.lease_required == b.lease_required && a.strict_lease == b.strict_lease &&
         a.check_upstream == b.check_upstream && a.heartbeat == b.heartbeat && a.goal == b.goal && a.peers == b.peers &&
         a.neighbours == b.neighbours && a.citus == b.citus && a.standing == b.standing && a.trust == b.trust &&
         a.notice == b.notice;
}

std::vector<protocol::Peer> peers_of(const Group& group, NodeId id) {
  std::vector<protocol::Peer> peers;
  for (const auto& [other_id, other] : group.nodes)
    if (other_id != id && other.row.goal.state != NodeState::dropped)
      peers.push_back({other_id, other.row.name, other.row.host, other.row.port, other.row.goal.state, other.row.group,
                       address_epoch(other.row), other.row.addresses, other.certificates.postgres, other.row.verifier,
                       other.row.candidate_priority});
  return peers;
}

/// Those that are not the defaults.
SettingValues own_settings(const Settings& settings) {
  static const SettingValues defaults = to_values(Settings{});
  if (settings == Settings{}) return {};
  SettingValues values = to_values(settings);
  std::erase_if(values, [&](const auto& value) { return std::ranges::find(defaults, value) != defaults.end(); });
  return values;
}

std::uint64_t first_version(const Environment& env) {
  const auto ms = std::chrono::duration_cast<Millis>(env.wall().time_since_epoch()).count();
  return static_cast<std::uint64_t>(ms) << 20;
}

}  // namespace

Assignments::Assignments(Model& model, const Environment& env)
    : model_(model), env_(env), version_(first_version(env)) {}

void Assignments::refresh(Group& group) {
  // Another monitor may still think that the primary's standbys are electable.
  const bool incomplete = is_incomplete(model_, group);
  const GroupSnapshot view = snapshot(model_, group);
  const bool lease_required =
      another_node_is_electable(view) || (incomplete && std::ranges::any_of(group.nodes, [](const auto& entry) {
                                            return entry.second.row.goal.state == NodeState::primary;
                                          }));
  const Settings& settings = model_.settings_of(group);
  const SettingValues own = own_settings(settings);
  const std::vector<protocol::Peer> neighbours = neighbours_of(model_, group);
  const std::string notice = missing_coordinator(model_, group);
  for (auto& [id, node] : group.nodes) {
    protocol::Assignment next{.monitor_id = model_.monitor_id, .version = node.assignment.version};
    const bool in_doubt = incomplete || another_may_lead(group, node, settings, env_.now());
    next.strict_lease = is_strict_lease_of(view, settings, node) || (in_doubt && node.written.says_strict);
    next.lease_required = lease_required || next.strict_lease;
    next.check_upstream = node.questioned;
    next.heartbeat = settings.heartbeat;
    next.goal = node.row.goal;
    next.peers = peers_of(group, id);
    next.neighbours = neighbours;
    const std::string twin = twin_of(node, env_.now());
    next.notice = twin.empty() ? notice : "has a twin: " + twin;
    next.standing = {node.row.candidate_priority, node.row.replication_quorum, node.row.region, own};
    next.trust = model_.trust;
    const bool coordinates =
        !incomplete && group.row.group == 0 && is_citus(model_, group) && is_leader_state(node.row.goal.state);
    if (coordinates) next.citus = citus_plan(model_, group.row.formation, env_.now());
    if (next.version == 0 || !same_content(next, node.assignment)) {
      next.version = ++version_;
      if (next.strict_lease != node.assignment.strict_lease) begin_anew(node.written, next.version);
      node.assignment = std::move(next);
    }
    if (node.held && node.held->known_version != node.assignment.version) release(group, node);
  }
}

void Assignments::tell_formation(Group& group) {
  if (!is_citus(model_, group)) return;
  auto route = citus_route(model_, group, env_.now());
  if (route == group.route) return;
  group.route = std::move(route);
  for (auto& [key, other] : model_.groups_of(group.row.formation))
    if (&other != &group) refresh(other);
}

void Assignments::answer(const Group& group, Node& node, const Reply<protocol::Assignment>& reply) {
  protocol::Assignment assignment = node.assignment;
  const Written& written = node.written;
  const bool may_begin = !assignment.strict_lease || written.left < written.leased_until ||
                         !another_may_lead(group, node, model_.settings_of(group), env_.now());
  if (may_accept_writes(node.row.goal.state) && may_begin && !is_incomplete(model_, group)) {
    assignment.lease = model_.settings_of(group).lease;
    // The keeper counts from when its request left, which is earlier.
    node.lease_until = std::max(node.lease_until, env_.now() + assignment.lease);
    node.written.leased_until = std::max(node.written.leased_until, node.written.left + assignment.lease);
  }
  reply(std::move(assignment));
}

TimePoint Assignments::hold(const Group& group, Node& node, Reply<protocol::Assignment> reply, Millis waited) {
  const TimePoint now = env_.now();
  const TimePoint until = now + std::max(hold_time(model_.settings_of(group)) - waited, Millis{0});
  node.held = HeldReport{now, until, node.assignment.version, std::move(reply)};
  return until;
}

void Assignments::end_holds(Group& group) {
  const TimePoint now = env_.now();
  for (auto& [id, node] : group.nodes)
    if (node.held && node.held->until <= now) release(group, node);
}

void Assignments::release(const Group& group, Node& node) {
  if (!node.held) return;
  const HeldReport held = *std::exchange(node.held, std::nullopt);
  answer(group, node, held.reply);
}

/// To a node that was dropped: it stops for good. Ids are never given twice, so that one that was given away and is
/// gone was dropped, also when that node could not be heard then and comes back much later. It takes this from no other
/// monitor than its own, over a connection to that one.
///
/// Any caller that names such an id is told so, whatever its credential: the monitor has forgotten the node's
/// credential with the node. The question changes nothing here. A stranger learns that an id was given away once, which
/// shows from the other ids as well. To ask for a credential would mean to keep those of all former nodes, or to leave
/// a node serving that was dropped.
protocol::Assignment Assignments::farewell(Term term, std::uint64_t version) const {
  protocol::Assignment last{.monitor_id = model_.monitor_id, .version = version};
  last.goal = {.state = NodeState::dropped, .term = term};
  return last;
}

protocol::Assignment Assignments::last_farewell() const {
  return farewell(last_term, last_version);
}

bool Assignments::knows_last_farewell(const protocol::Report& report) {
  return report.known_version == last_version || report.facts.state == NodeState::dropped;
}

}  // namespace autoctl::monitor
