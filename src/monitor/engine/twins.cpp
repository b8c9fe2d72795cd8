#include "monitor/engine/twins.h"

#include <algorithm>
#include <utility>

namespace autoctl::monitor {

namespace {

/// One that was refused is shown for so long: it asks again once a second.
constexpr Millis twin_memory{5'000};
/// The last words of a keeper that has ended may come late: one that speaks again after this lives.
constexpr Millis last_words{500};
/// Links between two that are written down. A monitor that starts again knows an older one until the node reports.
constexpr std::uint64_t links_between_notes = 16;
/// A keeper takes a link in two seconds at most, and waits no longer for an answer than it takes so many.
constexpr std::size_t former_links_max = 16;

bool continues(const protocol::Instance& instance, const InstanceRow& known) {
  return std::ranges::find(instance.former, known.id) != instance.former.end();
}

/// This keeper's Postgres runs, which none starts at another place before the monitor has taken it for the node; and the
/// monitor has forgotten that.
bool was_the_node(const Node& node, const protocol::Report& report) {
  return report.instance.confirmed > node.row.instance.number && report.facts.postgres_running;
}

bool is_former(const Node& node, const std::string& link) {
  return std::ranges::find(node.former_links, link) != node.former_links.end();
}

std::string address_of(const std::string& host, int port) {
  return host + ":" + std::to_string(port);
}

std::string hint_for(const NodeRow& row) {
  return "If " + row.name +
         " is to stay what it is: `autoctl stop`, then `autoctl drop node` with the copy's --pgdata make the copy "
         "forget that "
         "it was " +
         row.name + ", and `autoctl create` makes it a node of its own. If the copy is to take the place of " +
         row.name + ", which is gone for good: `autoctl drop node --name " + row.name +
         " --force` first, then the same";
}

}  // namespace

std::string twin_of(const Node& node, TimePoint now) {
  return node.twin && node.twin->told && now - node.twin->last_heard < twin_memory ? node.twin->words : "";
}

/// The node itself continues its own chain, and nobody else can. A copy continues it as well until the node has taken
/// another link, but it is at another place: it becomes the node only if that is gone, as when a disk is moved. A monitor
/// that was restored from a backup, or lost its last seconds, knows less than what it has confirmed.
Result<> Twins::identify(const Group& group, Node& node, const protocol::Report& report) {
  const protocol::Instance& instance = report.instance;
  const InstanceRow& known = node.row.instance;
  const bool is_it = instance.id == known.id;
  const bool is_older = report.epoch == node.row.epoch && report.sequence < node.sequence;
  if ((is_it && report.epoch < node.row.epoch) || (is_older && (is_it || is_former(node, instance.id))))
    return fail(Errc::conflict, "a newer report of this node has already arrived");
  if (is_it) return {};
  if (known.id.empty() ||
      (known.place == instance.place && (continues(instance, known) || instance.confirmed > known.number))) {
    becomes(node, report);
    return {};
  }
  if (!continues(instance, known) && instance.confirmed <= known.number)
    return refuse(group, node, report,
                  "is a copy of it, or was restored from a backup: its state is older than what the "
                  "monitor knows of " +
                      node.row.name);
  if (was_the_node(node, report)) {
    if (env_.now() - node.seen.watching_since < model_.settings_of(group).startup_grace)
      return fail(Errc::unavailable, "this monitor was restored from a backup and knows an older place of " +
                                         node.row.name + ": it waits whether a keeper there reports");
  } else if (!is_gone(group, node)) {
    return refuse(group, node, report,
                  "runs at another place than " + node.row.name + ", which is " +
                      std::string(to_string(node.health.verdict)) + ": it is a copy, or its disk was moved");
  }
  ledger_.tell(
      ledger_.event(group.row, &node.row, "report",
                    node.row.name + " was moved: its keeper runs at another place now, with the newest state"));
  becomes(node, report);
  return {};
}

void Twins::becomes(Node& node, const protocol::Report& report) {
  InstanceRow& known = node.row.instance;
  const bool same_keeper = report.epoch == node.row.epoch;
  const bool is_due = report.instance.number / links_between_notes != known.number / links_between_notes;
  if (!same_keeper || is_due || known.place != report.instance.place) ledger_.note(node);
  if (node.twin && node.twin->place == report.instance.place) node.twin.reset();
  // Also where the rest of the report is not taken: what left before it was overtaken.
  if (same_keeper) {
    node.sequence = std::max(node.sequence, report.sequence);
    node.former_links.push_back(known.id);
  } else {
    node.row.epoch = report.epoch;
    node.sequence = report.sequence;
    node.last_news = 0;
    node.former_links.clear();
  }
  const auto& former = report.instance.former;
  if (!former.empty()) node.former_links.push_back(former.back());
  while (node.former_links.size() > former_links_max) node.former_links.pop_front();
  known = {report.instance.id, report.instance.number, report.instance.place};
}

/// Dead by what others see, for so long that it would be back if it had only been started again, and its lease is over.
/// A node that an operator has in hand may be silent for as long as it is.
bool Twins::is_gone(const Group& group, const Node& node) const {
  const TimePoint now = env_.now();
  const Settings& settings = model_.settings_of(group);
  const TimePoint heard = std::max(node.seen.last_report.value_or(node.seen.watching_since), node.seen.watching_since);
  const bool silent = now - heard >= settings.silence_timeout;
  if (now < node.lease_until) return false;
  if (!should_report(node)) return silent && now - node.seen.watching_since >= settings.startup_grace;
  return node.health.verdict == Verdict::dead && silent;
}

tl::unexpected<Error> Twins::refuse(const Group& group, Node& node, const protocol::Report& report, std::string why) {
  const TimePoint now = env_.now();
  const std::string place = about(group.row.formation, group.row.group);
  const bool known = node.twin && node.twin->place == report.instance.place && node.twin->id == report.instance.id;
  if (!known) {
    const bool same_place = node.twin && node.twin->place == report.instance.place;
    node.twin = Twin{.id = report.instance.id,
                     .place = report.instance.place,
                     .words = {},
                     .first_heard = now,
                     .last_heard = now,
                     .told = same_place && node.twin->told};
  }
  Twin& twin = *node.twin;
  twin.last_heard = now;
  twin.words = "another keeper that says to be " + node.row.name + ", at " + address_of(report.host, report.port) +
               ", " + why + "; it is refused, and " + node.row.name + " at " +
               address_of(node.row.host, node.row.port) + " stays the node";
  const std::string hint = hint_for(node.row);
  if (!twin.told && now - twin.first_heard >= last_words) {
    twin.told = true;
    ledger_.tell(ledger_.event(group.row, &node.row, "monitor", twin.words + ". " + hint));
    env_.warn(place + twin.words + ". " + hint);
  }
  return fail(Errc::twin,
              node.row.name + " is the keeper at " + address_of(node.row.host, node.row.port) + "; this one " + why,
              hint);
}

}  // namespace autoctl::monitor
