// A keeper's report: checked, taken in, decided upon, answered now or when there is something to say.
#include <algorithm>
#include <limits>

#include "monitor/engine/citus_plan.h"
#include "monitor/engine/engine.h"
#include "monitor/engine/evidence.h"
#include "monitor/engine/returning.h"
#include "monitor/engine/settings_values.h"

namespace autoctl::monitor {

namespace {

/// A held answer leaves a little before the heartbeat is over, so that the next report is on time.
Millis hold_time(const Settings& settings) {
  return settings.heartbeat - settings.heartbeat / 20;
}

constexpr int port_max = 65'535;
/// Of what a node hears that was dropped long ago: nothing comes after it, and who knows it is not told again.
constexpr Term last_term{std::numeric_limits<std::uint64_t>::max()};
constexpr std::uint64_t last_version = std::numeric_limits<std::uint64_t>::max();

/// Do they say the same but for version and lease?
bool same_content(const protocol::Assignment& a, const protocol::Assignment& b) {
  return a.monitor_id == b.monitor_id && a.lease_required == b.lease_required && a.check_upstream == b.check_upstream &&
         a.heartbeat == b.heartbeat && a.goal == b.goal && a.peers == b.peers && a.neighbours == b.neighbours &&
         a.citus == b.citus && a.standing == b.standing && a.notice == b.notice;
}

std::vector<protocol::Peer> peers_of(const Group& group, NodeId id) {
  std::vector<protocol::Peer> peers;
  for (const auto& [other_id, other] : group.nodes)
    if (other_id != id && other.row.goal.state != NodeState::dropped)
      peers.push_back(
          {other_id, other.row.name, other.row.host, other.row.port, other.row.goal.state, other.row.group});
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

}  // namespace

void Engine::report(NodeId id, const protocol::Report& report, const Caller& caller,
                    Reply<protocol::Assignment> reply) {
  Group* group = model_.group_of(id);
  if (group == nullptr) {
    if (model_.monitor_id.empty()) return reply(fail(Errc::unavailable, "the monitor is starting"));
    const bool knows = report.known_version == last_version || report.facts.state == NodeState::dropped;
    if (id <= model_.last_node && !knows) return reply(farewell(last_term, last_version));
    return reply(fail(Errc::not_found, "there is no node " + std::to_string(id.value) + " on this monitor",
                      "it was dropped: create it anew to bring it back"));
  }
  Node& node = group->nodes.at(id);
  if (auto admitted = admit(node, report, caller); !admitted) return reply(fail(std::move(admitted.error())));
  if (auto checked = check_facts(*group, node, report); !checked) return reply(fail(std::move(checked.error())));
  if (node.row.awaited)
    if (auto arrived = arrive(*group, node, report); !arrived) return reply(fail(std::move(arrived.error())));

  std::optional<HeldReport> older = std::exchange(node.held, std::nullopt);
  const std::optional<protocol::CitusFacts> statements_before = node.citus;
  take_in(*group, node, report, caller);
  update_trust();
  complete_formations();
  settle(*group);
  if (report.citus != statements_before) settle_formation(*group);

  // The group may have forgotten the node: a dropped one that has stopped still hears so, once.
  const auto found = group->nodes.find(id);
  if (found == group->nodes.end()) {
    const auto last = farewell(group->row.term, ++version_);
    if (older) older->reply(last);
    reply(last);
    return flush();
  }
  if (older) answer(*group, found->second, older->reply);
  if (report.wait && report.known_version == found->second.assignment.version) {
    const TimePoint until = env_.now() + hold_time(model_.settings_of(*group));
    found->second.held = HeldReport{until, report.known_version, std::move(reply)};
    group->next_check = std::min(group->next_check, until);
  } else {
    answer(*group, found->second, reply);
  }
  flush();
}

/// To a node that was dropped: it stops for good. Ids are never given twice, so that one that was given away and is
/// gone was dropped, also when that node could not be heard then and comes back much later. It takes this from no other
/// monitor than its own, over a connection to that one.
///
/// Whoever names such an id is told so, whatever his credential: with the node the monitor has forgotten that one, too.
/// It is a word of the monitor, and nothing changes here because of the question; a stranger learns that an id was
/// given away once, which he can tell from the ids that are not. To ask for a credential would be to keep those of all
/// nodes that ever were, or to leave a node serving that nobody wants any more.
protocol::Assignment Engine::farewell(Term term, std::uint64_t version) const {
  protocol::Assignment last{.monitor_id = model_.monitor_id, .version = version};
  last.goal = {.state = NodeState::dropped, .term = term};
  return last;
}

Result<> Engine::admit(const Node& node, const protocol::Report& report, const Caller& caller) const {
  AUTOCTL_TRY(access_.act_as(node, caller.bearer));
  if (report.protocol != protocol::version)
    return fail(Errc::incompatible,
                "the keeper speaks protocol version " + std::to_string(report.protocol) + ", the monitor " +
                    std::to_string(protocol::version),
                "install the same version of autoctl on the monitor and on all nodes");
  if (report.epoch < node.row.epoch || (report.epoch == node.row.epoch && report.sequence < node.sequence))
    return fail(Errc::conflict, "a newer report of this node has already arrived");
  return {};
}

Result<> Engine::check_facts(const Group& group, const Node& node, const protocol::Report& report) const {
  if (report.port < 0 || report.port > port_max || report.api_port < 0 || report.api_port > port_max)
    return fail(Errc::bad_usage, "a port must be a number from 1 to 65535");
  const SystemId system_id = report.facts.system_id;
  const bool leaves = node.row.goal.state == NodeState::dropped;  // its successors may be of another cluster
  if (!leaves && system_id && group.row.system_id && system_id != group.row.system_id)
    return fail(Errc::bad_usage,
                "this node's data has system identifier " + std::to_string(system_id.value) + ", its group's is " +
                    std::to_string(group.row.system_id.value),
                "the data directory was replaced: drop the node, and create it with an empty one");
  return {};
}

void Engine::take_in(Group& group, Node& node, const protocol::Report& report, const Caller& caller) {
  const TimePoint now = env_.now();
  const NodeFacts& facts = report.facts;
  const bool moved = facts.state != node.row.reported;
  if (moved || facts.term != node.row.reported_term || report.epoch != node.row.epoch ||
      report.pg_version != node.row.pg_version)
    changed_nodes_.insert(node.row.id);
  if (report.epoch != node.row.epoch) node.last_news = 0;
  node.facts = facts;
  node.reported = true;
  node.sequence = report.sequence;
  node.connection = caller.connection;
  node.row.epoch = report.epoch;
  node.row.pg_version = report.pg_version;
  node.row.reported = facts.state;
  node.row.reported_term = facts.term;
  take_in_address(group, node, report);
  take_in_citus(group, node, report);
  if (moved) {
    std::string text = node.row.name + " has reached " + std::string(to_string(facts.state));
    if (!facts.trouble.empty()) text += ": " + facts.trouble;
    new_events_.push_back(event_of(group, &node, "report", std::move(text)));
  }
  for (const protocol::News& news : report.news) {
    if (news.number <= node.last_news) continue;  // it came on the other connection
    node.last_news = news.number;
    new_events_.push_back(event_of(group, &node, "report", node.row.name + ": " + news.text));
  }
  if (facts.system_id && !group.row.system_id && is_leader_state(node.row.goal.state)) {
    group.row.system_id = facts.system_id;
    changed_groups_.insert({group.row.formation, group.row.group});
  }
  node.seen.last_report = now;
  node.seen.disconnected_at.reset();
  node.seen.cannot_run = facts.cannot_run;
  node.seen.trouble = facts.trouble;
  if (facts.postgres_running || !may_expect_postgres(node))
    node.seen.postgres_down_since.reset();
  else if (!node.seen.postgres_down_since)
    node.seen.postgres_down_since = now;
  take_answer(node, report.known_version, now);
}

void Engine::take_in_citus(const Group& group, Node& node, const protocol::Report& report) {
  if (report.citus && is_leader_state(node.row.goal.state))
    for (auto& sentence : citus_news(node.citus.value_or(protocol::CitusFacts{}), *report.citus))
      new_events_.push_back(event_of(group, &node, "monitor", std::move(sentence)));
  node.citus = report.citus;
}

/// A node may move; but two nodes cannot be at one address, and then the older claim stands.
void Engine::take_in_address(const Group& group, Node& node, const protocol::Report& report) {
  if (report.host.empty() || report.port == 0) return;
  if (report.host == node.row.host && report.port == node.row.port && report.api_port == node.row.api_port) return;
  for (const auto& [key, any_group] : model_.groups)
    for (const auto& [id, other] : any_group.nodes)
      if (id != node.row.id && other.row.host == report.host && other.row.port == report.port) return;
  const auto address = [](const std::string& host, int port) { return host + ":" + std::to_string(port); };
  const std::string before = address(node.row.host, node.row.port);
  if (const std::string now = address(report.host, report.port); now != before)
    new_events_.push_back(
        event_of(group, &node, "report", node.row.name + " is at " + now + " now, and was at " + before));
  node.row.host = report.host;
  node.row.port = report.port;
  node.row.api_port = report.api_port;
  changed_nodes_.insert(node.row.id);
  prober_.prepare(node.row.host);
}

void Engine::refresh_assignments(Group& group) {
  // Another monitor may still think that the primary's standbys are electable.
  const bool incomplete = is_incomplete(model_, group);
  const bool lease_required = another_node_is_electable(snapshot(model_, group)) ||
                              (incomplete && std::ranges::any_of(group.nodes, [](const auto& entry) {
                                 return entry.second.row.goal.state == NodeState::primary;
                               }));
  const Settings& settings = model_.settings_of(group);
  const SettingValues own = own_settings(settings);
  const std::vector<protocol::Peer> neighbours = neighbours_of(model_, group);
  const std::string notice = missing_coordinator(model_, group);
  for (auto& [id, node] : group.nodes) {
    protocol::Assignment next{.monitor_id = model_.monitor_id, .version = node.assignment.version};
    next.lease_required = lease_required;
    next.check_upstream = node.questioned;
    next.heartbeat = settings.heartbeat;
    next.goal = node.row.goal;
    next.peers = peers_of(group, id);
    next.neighbours = neighbours;
    next.notice = notice;
    next.standing = {node.row.candidate_priority, node.row.replication_quorum, node.row.region, own};
    const bool coordinates =
        !incomplete && group.row.group == 0 && is_citus(model_, group) && is_leader_state(node.row.goal.state);
    if (coordinates) next.citus = citus_plan(model_, group.row.formation, env_.now());
    if (next.version == 0 || !same_content(next, node.assignment)) {
      next.version = ++version_;
      node.assignment = std::move(next);
    }
    if (node.held && node.held->known_version != node.assignment.version) release(group, node);
  }
}

/// In a Citus formation the other groups have to know where this one's nodes are, and the coordinator which of them
/// takes the writes.
void Engine::tell_formation(Group& group) {
  if (!is_citus(model_, group)) return;
  auto route = citus_route(model_, group, env_.now());
  if (route == group.route) return;
  group.route = std::move(route);
  for (auto& [key, other] : model_.groups)
    if (key.first == group.row.formation && &other != &group) refresh_assignments(other);
}

/// A worker that hands over waits for what the coordinator says of its statements.
void Engine::settle_formation(const Group& coordinators) {
  for (auto& [key, group] : model_.groups)
    if (key.first == coordinators.row.formation && &group != &coordinators) settle(group);
}

void Engine::answer(const Group& group, Node& node, const Reply<protocol::Assignment>& reply) {
  protocol::Assignment assignment = node.assignment;
  if (may_accept_writes(node.row.goal.state) && !is_incomplete(model_, group)) {
    assignment.lease = model_.settings_of(group).lease;
    // The keeper counts from when its request left, which is earlier.
    node.lease_until = std::max(node.lease_until, env_.now() + assignment.lease);
  }
  reply(std::move(assignment));
}

void Engine::release(Group& group, Node& node) {
  if (!node.held) return;
  const HeldReport held = *std::exchange(node.held, std::nullopt);
  answer(group, node, held.reply);
}

}  // namespace autoctl::monitor
