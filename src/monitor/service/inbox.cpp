#include "monitor/service/inbox.h"

#include <algorithm>

namespace autoctl::monitor {

namespace {

/// Where all of them wait, every second turn is a request's, and of the others every fourth a probe's result.
constexpr std::uint64_t turns_of_requests = 2;
constexpr std::uint64_t turns_of_probes = 8;

constexpr std::size_t unheard_max = 10'000;

/// From the same process: nothing that a copy of a node says takes the place of what the node says.
bool is_newer(const WaitingReport& report, const WaitingReport& than) {
  return report.node == than.node && report.report.sequence > than.report.sequence &&
         report.report.epoch == than.report.epoch && report.report.instance.id == than.report.instance.id &&
         report.report.instance.place == than.report.instance.place && report.caller.bearer == than.caller.bearer &&
         report.caller.certificate == than.caller.certificate;
}

Millis since(TimePoint then, TimePoint now) {
  return std::chrono::duration_cast<Millis>(now - then);
}

}  // namespace

bool Inbox::add_request(Task task) {
  if (requests_.size() >= requests_max) {
    ++backlog_.shed;
    return false;
  }
  requests_.push_back(std::move(task));
  return true;
}

bool Inbox::lets_in(const Sender& sender, TimePoint now) {
  const bool late = reports_.size() >= few_reports && since(reports_.front().arrived, now) > report_wait_max;
  if (!late && reports_.size() < reports_max) return true;
  ++backlog_.shed;
  note_unheard(sender);
  return false;
}

bool Inbox::affords(const Budgets::Sender& sender, const std::optional<Sender>& report, TimePoint now) {
  if (budgets_.spend(sender, now)) return true;
  if (report) note_unheard(*report);
  return false;
}

std::vector<std::function<void()>> Inbox::due_answers(TimePoint now) {
  std::vector<std::function<void()>> due;
  const auto end = late_answers_.upper_bound(now);
  for (auto answer = late_answers_.begin(); answer != end; ++answer) due.push_back(std::move(answer->second));
  late_answers_.erase(late_answers_.begin(), end);
  return due;
}

std::optional<TimePoint> Inbox::next_answer() const {
  if (late_answers_.empty()) return std::nullopt;
  return late_answers_.begin()->first;
}

void Inbox::add_report(WaitingReport report, TimePoint now) {
  const auto older = std::ranges::find_if(reports_, [&](const Entry& e) { return is_newer(report, e.waiting); });
  if (older == reports_.end()) {
    reports_.push_back({std::move(report), now});
    return;
  }
  older->waiting.reply(fail(Errc::conflict, "a newer report of this node has already arrived"));
  older->waiting = std::move(report);
}

void Inbox::add_probe(NodeId node, ProbedPort port, PortState state, TimePoint at) {
  if (probes_.insert_or_assign({node, port}, std::pair(state, at)).second) probed_.emplace_back(node, port);
}

std::optional<Millis> Inbox::remove(std::uint64_t connection, TimePoint now) {
  const auto found =
      std::ranges::find_if(reports_, [&](const Entry& e) { return e.waiting.caller.connection == connection; });
  if (found == reports_.end()) return std::nullopt;
  const Millis waited = since(found->arrived, now);
  note_unheard({found->waiting.node, found->waiting.caller});
  reports_.erase(found);
  return waited;
}

std::optional<Inbox::Task> Inbox::take(TimePoint now) {
  turn_away_late(now);
  ++turn_;
  if (auto task = take_own()) return task;
  if (turn_ % turns_of_requests == 0)
    if (auto task = take_request()) return task;
  if (turn_ % turns_of_probes == 1)
    if (auto task = take_probe()) return task;
  if (auto task = take_report(now)) return task;
  if (auto task = take_request()) return task;
  return take_probe();
}

void Inbox::turn_away_late(TimePoint now) {
  while (!reports_.empty() && since(reports_.front().arrived, now) > report_patience) {
    const WaitingReport late = std::move(reports_.front().waiting);
    reports_.pop_front();
    ++backlog_.shed;
    note_unheard({late.node, late.caller});
    late.turn_away();
  }
}

void Inbox::note_unheard(const Sender& sender) {
  const auto& [node, caller] = sender;
  if (unheard_.size() < unheard_max) unheard_.insert_or_assign({node, caller.bearer}, caller);
}

std::optional<Inbox::Task> Inbox::take_own() {
  if (own_.empty()) return std::nullopt;
  Task task = std::move(own_.front());
  own_.pop_front();
  return task;
}

std::optional<Inbox::Task> Inbox::take_request() {
  if (requests_.empty()) return std::nullopt;
  Task task = std::move(requests_.front());
  requests_.pop_front();
  return task;
}

std::optional<Inbox::Task> Inbox::take_report(TimePoint now) {
  if (reports_.empty()) return std::nullopt;
  Entry entry = std::move(reports_.front());
  reports_.pop_front();
  entry.waiting.caller.waited = since(entry.arrived, now);
  if (entry.waiting.caller.waited > report_wait_max) ++backlog_.late;
  return [w = std::move(entry.waiting)](Engine& engine) { engine.report(w.node, w.report, w.caller, w.reply); };
}

std::optional<Inbox::Task> Inbox::take_probe() {
  if (probes_.empty()) return std::nullopt;
  const Probed key = probed_.front();
  const auto [state, at] = probes_.at(key);
  probed_.pop_front();
  probes_.erase(key);
  return [key, state = state, at = at](Engine& engine) { engine.probed(key.first, key.second, state, at); };
}

std::vector<Inbox::Sender> Inbox::unheard() {
  std::vector<Sender> senders;
  for (auto& [key, caller] : std::exchange(unheard_, {})) senders.emplace_back(key.first, std::move(caller));
  for (Entry& entry : reports_)
    if (!std::exchange(entry.told, true)) senders.emplace_back(entry.waiting.node, entry.waiting.caller);
  return senders;
}

}  // namespace autoctl::monitor
