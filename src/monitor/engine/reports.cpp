#include "monitor/engine/reports.h"

#include <algorithm>
#include <utility>

#include "common/config/checks.h"
#include "monitor/engine/citus_plan.h"
#include "monitor/engine/evidence.h"
#include "monitor/engine/reachable.h"
#include "monitor/engine/written.h"

namespace autoctl::monitor {

namespace {

constexpr int port_max = 65'535;
/// A keeper keeps a hundred while the monitor is away, and then has little to tell.
constexpr Millis telling_interval{60'000};
constexpr int news_per_interval = 200;

Result<> check_facts(const Group& group, const Node& node, const protocol::Report& report) {
  if (report.port < 0 || report.port > port_max || report.api_port < 0 || report.api_port > port_max)
    return fail(Errc::bad_usage, "a port must be a number from 1 to 65535");
  if (report.addresses && report.addresses->size() > protocol::addresses_max)
    return fail(Errc::bad_usage, "addresses: more than " + std::to_string(protocol::addresses_max));
  if (const auto why = report.ssl_mode.empty() ? "" : config::check_ssl_mode(report.ssl_mode); !why.empty())
    return fail(Errc::bad_usage, "ssl_mode: " + why);
  const SystemId system_id = report.facts.system_id;
  const bool leaves = node.row.goal.state == NodeState::dropped;  // its successors may be of another cluster
  if (!leaves && system_id && group.row.system_id && system_id != group.row.system_id)
    return fail(Errc::bad_usage,
                "this node's data has system identifier " + std::to_string(system_id.value) + ", its group's is " +
                    std::to_string(group.row.system_id.value),
                "the data directory was replaced: drop the node, and create it with an empty one");
  return {};
}

}  // namespace

void Reports::take(NodeId id, const protocol::Report& report, const Caller& caller, Reply<protocol::Assignment> reply) {
  Group* group = model_.group_of(id);
  if (group == nullptr) return reply(answer_unknown(id, report));
  Node& node = group->nodes.at(id);
  if (auto admitted = admit(node, report, caller); !admitted) return reply(fail(std::move(admitted.error())));
  if (auto its = twins_.identify(*group, node, report); !its) {
    if (its.error().code == Errc::twin) settler_.look_again(*group, env_.now());            // the node hears of it
    if (its.error().code != Errc::conflict && returning_.knows_more(*group, node, report))  // no copy is ahead of it
      if (auto begun = returning_.begin_anew(*group, node, report); !begun)
        return reply(fail(std::move(begun.error())));
    return reply(fail(std::move(its.error())));
  }
  if (auto checked = check_facts(*group, node, report); !checked) return reply(fail(std::move(checked.error())));
  if (returning_.knows_more(*group, node, report))
    if (auto begun = returning_.begin_anew(*group, node, report); !begun) return reply(fail(std::move(begun.error())));
  if (node.row.awaited)
    if (auto arrived = returning_.arrive(*group, node, report); !arrived)
      return reply(fail(std::move(arrived.error())));

  std::optional<HeldReport> older = std::exchange(node.held, std::nullopt);
  const std::optional<protocol::CitusFacts> statements_before = node.citus;
  take_in(*group, node, report, caller);
  settler_.heard(*group, node);
  returning_.complete_formations();
  settler_.settle(*group);
  // A worker that hands over waits for what the coordinator says of its statements.
  if (report.citus != statements_before) settler_.settle_formation(group->row.formation, group);

  // The group may have forgotten the node: a dropped one that has stopped still hears so, once.
  const auto found = group->nodes.find(id);
  if (found == group->nodes.end()) {
    const auto last = assignments_.farewell(group->row.term);
    if (older) older->reply(last);
    return reply(last);
  }
  Node& known = found->second;
  if (older) assignments_.answer(*group, known, older->reply);
  if (!report.wait || report.known_version != known.assignment.version)
    return assignments_.answer(*group, known, reply);
  settler_.look_again(*group, assignments_.hold(*group, known, std::move(reply), caller.waited));
}

/// A node that was dropped hears so once more, however late it comes.
Result<protocol::Assignment> Reports::answer_unknown(NodeId id, const protocol::Report& report) const {
  if (model_.monitor_id.empty()) return fail(Errc::unavailable, "the monitor is starting");
  if (id <= model_.last_node && !Assignments::knows_last_farewell(report)) return assignments_.last_farewell();
  return fail(Errc::not_found, "there is no node " + std::to_string(id.value) + " on this monitor",
              "it was dropped: create it anew to bring it back");
}

Result<> Reports::admit(const Node& node, const protocol::Report& report, const Caller& caller) const {
  AUTOCTL_TRY(access_.act_as(node, caller.bearer, caller.certificate));
  if (report.protocol != protocol::version)
    return fail(Errc::incompatible,
                "the keeper speaks protocol version " + std::to_string(report.protocol) + ", the monitor " +
                    std::to_string(protocol::version),
                "install the same version of autoctl on the monitor and on all nodes");
  return {};
}

void Reports::take_in(Group& group, Node& node, const protocol::Report& report, const Caller& caller) {
  const TimePoint now = env_.now();
  const NodeFacts& facts = report.facts;
  if (report.epoch != node.row.epoch) node.last_news = 0;
  const bool moved = facts.state != node.row.reported;
  node.facts = facts;
  node.told_at = now;
  node.reported = true;
  node.sequence = report.sequence;
  model_.connect(node, caller.connection);
  take_in_written(node, report, model_.settings_of(group), now);
  take_in_row(group, node, report);
  node.elsewhere = caller.elsewhere;
  if (report.certificates) node.certificates = *report.certificates;
  node.trust = report.trust;
  take_in_address(group, node, report, caller);
  take_in_citus(group, node, report);
  if (moved) {
    std::string text = node.row.name + " has reached " + std::string(to_string(facts.state));
    if (!facts.trouble.empty()) text += ": " + facts.trouble;
    ledger_.tell(ledger_.event(group.row, &node.row, "report", std::move(text)));
  }
  take_in_news(group, node, report);
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

void Reports::take_in_row(Group& group, Node& node, const protocol::Report& report) {
  const NodeFacts& facts = report.facts;
  if (facts.state != node.row.reported || facts.term != node.row.reported_term || report.epoch != node.row.epoch ||
      report.pg_version != node.row.pg_version)
    ledger_.note(node);
  node.row.epoch = report.epoch;
  node.row.pg_version = report.pg_version;
  node.row.reported = facts.state;
  node.row.reported_term = facts.term;
  if (facts.system_id && !group.row.system_id && is_leader_state(node.row.goal.state)) {
    group.row.system_id = facts.system_id;
    ledger_.note(group);
  }
}

void Reports::take_in_citus(const Group& group, Node& node, const protocol::Report& report) {
  if (report.citus && is_leader_state(node.row.goal.state))
    for (auto& sentence : citus_news(node.citus.value_or(protocol::CitusFacts{}), *report.citus))
      ledger_.tell(ledger_.event(group.row, &node.row, "monitor", std::move(sentence)));
  node.citus = report.citus;
}

/// A node that tells without end would push what happened out of the event log.
bool Reports::may_tell(const Group& group, Node& node) {
  const TimePoint now = env_.now();
  if (now - node.telling_since >= telling_interval) {
    node.telling_since = now;
    node.told = 0;
  }
  if (++node.told == news_per_interval)
    ledger_.tell(ledger_.event(group.row, &node.row, "monitor",
                               node.row.name + " tells too much: what else it says in this minute is left out"));
  return node.told < news_per_interval;
}

void Reports::take_in_news(const Group& group, Node& node, const protocol::Report& report) {
  for (const protocol::News& news : report.news) {
    if (news.number <= node.last_news) continue;  // it came on the other connection
    node.last_news = news.number;
    if (!may_tell(group, node)) continue;
    ledger_.tell(ledger_.event(group.row, &node.row, "report", node.row.name + ": " + news.text));
  }
}

/// It stays where the others know it, and that is said once.
bool Reports::refuses_host(const Group& group, Node& node, const std::string& host, const Caller& caller) {
  const std::string why = host == node.row.host ? "" : why_unreachable(model_, node.row, host, caller);
  if (why.empty()) return false;
  if (std::exchange(node.refused_host, host) != host)
    ledger_.tell(ledger_.event(group.row, &node.row, "monitor",
                               node.row.name + " stays " + node.row.host + " for the others: " + why));
  return true;
}

/// A node may move; but two nodes cannot be at one address, and then the older claim stands.
void Reports::take_in_address(const Group& group, Node& node, const protocol::Report& report, const Caller& caller) {
  if (report.addresses && *report.addresses != node.row.addresses) {
    node.row.addresses = *report.addresses;
    ledger_.note(node);
  }
  if (!report.ssl_mode.empty() && report.ssl_mode != node.row.ssl_mode) {
    node.row.ssl_mode = report.ssl_mode;
    ledger_.note(node);
  }
  if (report.verifier != node.row.verifier) {
    node.row.verifier = report.verifier;
    ledger_.note(node);
  }
  if (report.host.empty() || report.port == 0) return;
  if (report.host == node.row.host && report.port == node.row.port && report.api_port == node.row.api_port) return;
  if (model_.another_is_at(report.host, report.port, node.row.id)) return;
  if (refuses_host(group, node, report.host, caller)) return;
  const auto address = [](const std::string& host, int port) { return host + ":" + std::to_string(port); };
  const std::string before = address(node.row.host, node.row.port);
  if (const std::string now = address(report.host, report.port); now != before)
    ledger_.tell(
        ledger_.event(group.row, &node.row, "report", node.row.name + " is at " + now + " now, and was at " + before));
  model_.move(node, report.host, report.port, report.api_port);
  ledger_.note(node);
  suspects_.prepare(node.row.host);
}

void Reports::disconnected(std::uint64_t connection) {
  Node* node = model_.find_by_connection(connection);
  if (node == nullptr || node->seen.disconnected_at) return;
  node->seen.disconnected_at = env_.now();
  node->held.reset();  // no node would hear the answer, and an answer grants a lease
  Group& group = *model_.group_of(node->row.id);
  settler_.heard(group, *node);
  settler_.settle(group);
}

/// Nothing of what it says is known, so it is no testimony about other nodes. Its credential is checked, as for a report
/// that is taken in; whether a copy speaks is not. As long as one does, its node is thought to live for longer. What came
/// on a connection that has broken is older than its end.
void Reports::heard(NodeId id, const Caller& caller) {
  Group* group = model_.group_of(id);
  if (group == nullptr) return;
  Node& node = group->nodes.at(id);
  if (!access_.act_as(node, caller.bearer, caller.certificate)) return;
  if (node.seen.disconnected_at && caller.connection == node.connection) return;
  node.seen.last_heard = env_.now();
  settler_.heard(*group, node);
}

void Reports::probed(NodeId id, ProbedPort port, PortState state, TimePoint at) {
  Group* group = model_.group_of(id);
  if (group == nullptr) return;
  Node& node = group->nodes.at(id);
  ProbeResult& result = port == ProbedPort::postgres ? node.seen.postgres_port : node.seen.keeper_port;
  result.port = state;
  result.at = std::min(at, env_.now());
  settler_.heard(*group, node);
  settler_.settle(*group);
}

}  // namespace autoctl::monitor
