#include "monitor/engine/written.h"

#include <algorithm>

#include "monitor/fsm/bounded_loss.h"
#include "monitor/fsm/roles.h"

namespace autoctl::monitor {

namespace {

/// Marks are no closer to each other than such a part of the time that may be lost.
constexpr int marks_max = 64;

void add_mark(Written& written, const protocol::Report& report, const Settings& settings) {
  const Millis window = settings.failover_max_lost_time;
  auto& marks = written.marks;
  // The last one is always the newest; the one before it stays if it is far enough from its neighbour.
  if (marks.size() > 1 && report.looked - marks[marks.size() - 2].looked < window / marks_max) marks.pop_back();
  marks.push_back({report.looked, report.facts.timeline, report.facts.lsn});
  const auto counts = [&](const Written::Mark& mark) { return mark.looked >= written.leased_until - window; };
  marks.erase(marks.begin(), std::find_if(marks.begin(), marks.end() - 1, counts));
}

}  // namespace

void take_in_written(Node& node, const protocol::Report& report, const Settings& settings, TimePoint now) {
  Written& written = node.written;
  // Another start's clock may be another machine's.
  if (report.epoch != node.row.epoch) written = {.marks = {}, .since = written.since};
  written.says_strict = report.strict_lease;
  written.left = std::max(written.left, report.left);
  written.leased_until = std::max(written.leased_until, report.leased_until);
  if (settings.failover_max_lost_time.count() == 0) return written.marks.clear();
  written.strict_lease = report.strict_lease && node.assignment.strict_lease && report.known_version >= written.since;
  // As its keeper says: a former process of this monitor may have granted more.
  if (report.leased_until > report.left)
    node.lease_until = std::max(node.lease_until, now + (report.leased_until - report.left));
  const NodeFacts& facts = report.facts;
  if (is_leader_state(node.row.goal.state) && facts.postgres_running && !facts.in_recovery && facts.lsn)
    add_mark(written, report, settings);
}

void begin_anew(Written& written, std::uint64_t version) {
  written.since = version;
  written.strict_lease = false;
}

std::optional<Lack> lack_of(const Group& group, const Node& standby) {
  const auto found = std::ranges::find_if(group.nodes, [](const auto& entry) {
    const NodeState goal = entry.second.row.goal.state;
    return is_leader_state(goal) || goal == NodeState::demote_timeout;
  });
  if (found == group.nodes.end() || &found->second == &standby || !standby.reported) return std::nullopt;
  const Written& written = found->second.written;
  if (!written.strict_lease || written.marks.empty()) return std::nullopt;
  const NodeFacts& has = standby.facts;
  const auto level = std::ranges::find_if(written.marks.rbegin(), written.marks.rend(), [&](const Written::Mark& mark) {
    return mark.timeline == has.timeline && mark.lsn <= has.lsn;
  });
  if (level == written.marks.rend()) return std::nullopt;
  const Lsn told = written.marks.back().lsn;
  return Lack{.time = written.leased_until - level->looked, .bytes = told > has.lsn ? told.value - has.lsn.value : 0};
}

bool another_may_lead(const Group& group, const Node& node, const Settings& settings, TimePoint now) {
  constexpr Millis fencing_takes{500};
  const bool all_have_spoken = std::ranges::all_of(group.nodes, [&](const auto& entry) {
    const Node& other = entry.second;
    return &other == &node || other.reported || other.row.goal.state == NodeState::dropped;
  });
  return !all_have_spoken && now < node.seen.watching_since + settings.lease + fencing_takes;
}

bool is_strict_lease_of(const GroupSnapshot& group, const Settings& settings, const Node& node) {
  const NodeState goal = node.row.goal.state;
  if (is_leader_state(goal)) return primary_serves_by_lease(group, settings);
  const NodeView* candidate = candidate_of(group);
  const bool may_still_serve = goal == NodeState::demote_timeout || goal == NodeState::dropped;
  return may_still_serve && candidate != nullptr && is_fenced_by_lease(group, *candidate);
}

}  // namespace autoctl::monitor
