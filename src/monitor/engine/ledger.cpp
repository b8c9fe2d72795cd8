#include "monitor/engine/ledger.h"

#include <algorithm>
#include <utility>

#include "common/util/assert.h"
#include "monitor/engine/invariants.h"

namespace autoctl::monitor {

namespace {

protocol::EventDocument signed_by(const By& by, protocol::EventDocument event) {
  event.who = by.who;
  event.from = by.from;
  event.reason = by.reason;
  return event;
}

constexpr std::size_t unwritten_events_max = 10'000;
constexpr int remembered_events = 1'000;

}  // namespace

void Ledger::restore(const Image& image) {
  const Moment at = moment();
  model_ = Model::restored(image, std::move(model_), at);
  const auto broken = broken_invariant(model_);
  AUTOCTL_ASSERT(!broken,
                 "the store (schema autoctl of the monitor's Postgres) holds what must never be: " + *broken +
                     "; nothing was decided from it or written to it, and each start will end here until it is "
                     "restored from a backup, or the nodes move to a new monitor (`autoctl create monitor`)");
  if (in_doubt_event_ != 0 && image.last_event >= in_doubt_event_)
    unwritten_events_.erase(unwritten_events_.begin(),
                            unwritten_events_.begin() + static_cast<std::ptrdiff_t>(in_doubt_count_));
  in_doubt_event_ = 0;
  in_doubt_count_ = 0;
  auto latest = store_.events({.latest = true, .count = remembered_events});
  log_.restore(image.last_event, latest ? *std::move(latest) : std::vector<protocol::EventDocument>());
  available_ = true;

  changed_nodes_.clear();
  changed_groups_.clear();
  for (auto& [key, group] : model_.groups) {
    for (auto& [id, node] : group.nodes) {
      if (!node.reported) continue;
      node.row.reported = node.facts.state;
      node.row.reported_term = node.facts.term;
      note(node);
    }
  }
  if (!lost_at_) return;
  const auto away = std::chrono::duration_cast<Millis>(at.now - *std::exchange(lost_at_, std::nullopt)).count();
  auto back = event("monitor", "the monitor's Postgres is back after " + std::to_string(away) + " ms (" +
                                   lost_because_ + "); nothing was decided meanwhile");
  env_.inform(back.description);
  tell(std::move(back));
}

void Ledger::lost(const std::string& why) {
  if (!available_) return;
  available_ = false;
  lost_because_ = why.substr(0, why.find('\n'));
  lost_at_ = env_.now();
  env_.warn("The monitor's Postgres is away (" + lost_because_ + "): answering from memory, deciding nothing");
}

bool Ledger::commit(Change change) {
  if (!available_) return false;
  add_unwritten(change);
  if (change.empty()) return true;
  const auto broken = broken_invariant(model_, change);
  AUTOCTL_ASSERT(!broken, "about to write what must never be: " + *broken);
  log_.number(change.events);
  if (const auto done = store_.commit(change); !done) {
    if (done.error().code == Errc::bad_usage) return refused(done.error().message);
    in_doubt_event_ = change.events.empty() ? 0 : change.events.back().id;
    in_doubt_count_ = unwritten_events_.size();
    lost(done.error().message);
    return false;
  }
  changed_nodes_.clear();
  changed_groups_.clear();
  unwritten_events_.clear();
  model_.apply(change, moment());
  log_.append(change.events);
  for (const OperationRow& operation : change.operations)
    if (operation.status != OperationStatus::running) waiters_.ended(operation);
  return true;
}

/// What one node or one request has brought must not keep all others' decisions from being written.
bool Ledger::refused(const std::string& why) {
  env_.warn("Left out, as the monitor's Postgres cannot hold it: " + why);
  changed_nodes_.clear();
  changed_groups_.clear();
  unwritten_events_.clear();
  return false;
}

void Ledger::add_unwritten(Change& change) const {
  const auto among = [](const auto& all, auto same) { return std::ranges::any_of(all, same); };
  for (const NodeId id : changed_nodes_) {
    const Node* node = model_.find(id);
    if (node != nullptr && !among(change.nodes, [id](const NodeRow& row) { return row.id == id; }) &&
        !among(change.removed, [id](NodeId removed) { return removed == id; }))
      change.nodes.push_back(node->row);
  }
  for (const GroupKey& key : changed_groups_) {
    const auto same = [&](const GroupRow& row) { return row.group == key.second && row.formation == key.first; };
    if (!among(change.groups, same)) change.groups.push_back(model_.groups.at(key).row);
  }
  change.events.insert(change.events.begin(), unwritten_events_.begin(), unwritten_events_.end());
}

void Ledger::flush() {
  if (unwritten_events_.size() > unwritten_events_max)
    unwritten_events_.erase(unwritten_events_.begin(),
                            unwritten_events_.end() - static_cast<std::ptrdiff_t>(unwritten_events_max));
  if (!unwritten_events_.empty() || !changed_nodes_.empty() || !changed_groups_.empty()) commit({});
}

protocol::EventDocument Ledger::event(const GroupRow& group, const NodeRow* node, std::string kind,
                                      std::string text) const {
  auto event = this->event(std::move(kind), std::move(text));
  event.formation = group.formation;
  event.group = group.group;
  event.term = group.term;
  if (node == nullptr) return event;
  event.node = node->id;
  event.node_name = node->name;
  event.host = node->host;
  event.port = node->port;
  event.reported = node->reported;
  event.assigned = node->goal.state;
  return event;
}

protocol::EventDocument Ledger::event(std::string kind, std::string text) const {
  protocol::EventDocument event;
  event.time = event_time(env_.wall());
  event.kind = std::move(kind);
  event.description = std::move(text);
  return event;
}

protocol::EventDocument Ledger::act(const By& by, const GroupRow& group, const NodeRow* node, std::string text) const {
  return signed_by(by, event(group, node, "operator", std::move(text)));
}

protocol::EventDocument Ledger::act(const By& by, std::string text) const {
  return signed_by(by, event("operator", std::move(text)));
}

Result<protocol::EventsDocument> Ledger::events(const EventQuery& query) {
  if (auto found = log_.read(query)) return *std::move(found);
  if (!available_) return fail(Errc::unavailable, "the monitor's Postgres is away: older events cannot be read now");
  auto stored = store_.events(query);
  if (!stored) return fail(std::move(stored.error()));
  const bool cut = !query.latest && stored->size() == static_cast<std::size_t>(query.count);
  const std::int64_t last = cut ? stored->back().id : log_.last_id();
  return protocol::EventsDocument{*std::move(stored), last};
}

}  // namespace autoctl::monitor
