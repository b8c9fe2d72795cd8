#include "keeper/citus/routing.h"

#include <algorithm>
#include <utility>

namespace autoctl::keeper::citus {

namespace {

using protocol::CitusFacts;
using protocol::CitusPlan;
using protocol::CitusRoute;

/// How often the table is compared with the plan when nothing happens.
constexpr Millis look_interval{1000};
/// While statements are held, a sign of life this often: the session of a keeper that was frozen ends by itself.
constexpr Millis hold_interval{200};
constexpr Millis retry_pause_first{100};
constexpr Millis retry_pause_max{2000};
/// A difference that was repaired at once is still told, so that it can be seen and gets into the events.
constexpr Millis drift_memory{3000};

const CitusRoute* find_route(const CitusPlan& plan, GroupId group) {
  const auto found = std::ranges::find(plan.routes, group, &CitusRoute::group);
  return found == plan.routes.end() ? nullptr : &*found;
}

/// What the monitor should hear at once.
bool matters(const std::optional<CitusFacts>& now, const std::optional<CitusFacts>& before) {
  const auto essence = [](const std::optional<CitusFacts>& facts) {
    CitusFacts rest = facts.value_or(CitusFacts{});
    for (auto& route : rest.routes) route.trouble.clear();
    return rest;
  };
  return now.has_value() != before.has_value() || !(essence(now) == essence(before));
}

/// A group that is not in the table yet, or has no primary for a moment, moves nothing: adding a node is not worth
/// breaking off for that.
bool moves_statements(const CitusPlan& before, const CitusPlan& now, const std::vector<Row>& rows) {
  return std::ranges::any_of(now.routes, [&](const CitusRoute& route) {
    const CitusRoute* old = find_route(before, route.group);
    if (old == nullptr || find_row(before, *old, rows) == nullptr) return false;
    const bool moves = route.primary && old->primary != route.primary;
    return moves || old->hold_for != route.hold_for;
  });
}

}  // namespace

void Routing::follow(std::optional<CitusPlan> plan) {
  newest_ = std::move(plan);
  if (newest_) return;
  auto told = std::move(told_);
  auto news = std::move(news_);
  *this = Routing();
  told_ = std::move(told);
  news_ = std::move(news);
}

// ---- what to do

Task Routing::next(TimePoint now) {
  if (!newest_) return {.until = now + look_interval};
  if (stage_ == Stage::resting) {
    if (now < rest_until_ && plan_ == *newest_) return {.until = rest_until_};
    begin_round();
  }
  if (overtaken(newest_)) begin_round();
  go_on(now);
  return stage_ == Stage::resting ? next(now) : tasks_.front();
}

bool Routing::overtaken(const std::optional<CitusPlan>& newest) const {
  if (tasks_.empty()) return false;
  const Task& task = tasks_.front();
  if (task.kind == Task::Kind::step) return !newest || moves_statements(plan_, *newest, rows_);
  if (task.kind != Task::Kind::hold) return false;
  const CitusRoute* route = newest ? find_route(*newest, task.group) : nullptr;
  // When it is had, its move is committed: a failover has promoted the node meanwhile.
  return route == nullptr || (route->hold_for != task.target && route->primary != task.target);
}

void Routing::begin_round() {
  plan_ = *newest_;
  all_ = true;
  stage_ = Stage::ending_holds;
  const auto fates = fates_of_holds();
  tasks_.assign(fates.begin(), fates.end());
}

/// To the next stage that has something to do.
void Routing::go_on(TimePoint now) {
  while (tasks_.empty() && stage_ != Stage::resting) {
    switch (stage_) {
      case Stage::ending_holds:
        stage_ = Stage::looking;
        tasks_.push_back(look());
        break;
      case Stage::beginning_holds: take_in(now); break;
      case Stage::stepping:
        stage_ = Stage::looking_again;
        tasks_.push_back(look());
        break;
      default: return;
    }
  }
}

void Routing::end_round(bool all, TimePoint now) {
  failures_ = all ? 0 : failures_ + 1;
  tasks_.clear();
  stage_ = Stage::resting;
  Millis pause = holds_.empty() ? look_interval : hold_interval;
  if (failures_ > 0) pause = std::min(pause, retry_pause_first * (1 << std::min(failures_ - 1, 4)));
  rest_until_ = now + std::min(pause, retry_pause_max);
}

std::vector<Task> Routing::fates_of_holds() const {
  std::vector<Task> fates;
  for (const auto& [group, target] : holds_) {
    const CitusRoute* route = find_route(plan_, group);
    auto kind = Task::Kind::release;
    if (route != nullptr && route->primary == target)
      kind = Task::Kind::commit;
    else if (route != nullptr && route->hold_for == target)
      kind = Task::Kind::check;
    fates.push_back({.kind = kind, .group = group, .target = target});
  }
  return fates;
}

std::vector<Task> Routing::holds_to_begin() const {
  std::vector<Task> holds;
  for (const CitusRoute& route : plan_.routes)
    if (auto hold = hold_to_begin(route)) holds.push_back(std::move(*hold));
  return holds;
}

std::optional<Task> Routing::hold_to_begin(const CitusRoute& route) const {
  const auto* target = find_node(route, route.hold_for);
  if (route.group == 0 || target == nullptr || route.primary == route.hold_for || holds_.contains(route.group))
    return std::nullopt;
  const Row* row = find_row(plan_, route, rows_);
  if (row == nullptr || (row->host == target->host && row->port == target->port)) return std::nullopt;
  return Task{.kind = Task::Kind::hold,
              .group = route.group,
              .target = route.hold_for,
              .step = move_to(route, *row, *target, rows_)};
}

Task Routing::look() const {
  const bool empty_group = std::ranges::any_of(plan_.routes, [](const auto& route) { return route.nodes.empty(); });
  return {.kind = Task::Kind::look, .shards = empty_group};
}

/// The move of a group whose statements are held is made already; whatever else it needs waits for its end.
Comparison Routing::compare_unheld() const {
  Comparison seen = compare(plan_, rows_);
  std::erase_if(seen.steps, [&](const TableStep& step) { return holds_.contains(step.group); });
  return seen;
}

/// The holds are had or not: what else differs is done now.
void Routing::take_in(TimePoint now) {
  const Comparison seen = compare_unheld();
  std::erase_if(drift_, [&](const auto& found) { return now - found.at > drift_memory; });
  if (carried_out_ == plan_)
    for (const TableStep& step : seen.steps) note_drift(step.why, now);
  report(seen);
  if (seen.steps.empty()) {
    if (all_) troubles_.clear();
    if (holds_.empty()) carried_out_ = plan_;
    return end_round(all_, now);
  }
  stage_ = Stage::stepping;
  for (const TableStep& step : seen.steps)
    tasks_.push_back({.kind = Task::Kind::step, .group = step.group, .step = step});
}

// ---- what became of it

void Routing::looked(std::vector<Row> rows, std::vector<std::string> findings, TimePoint now) {
  rows_ = std::move(rows);
  findings_ = std::move(findings);
  tasks_.clear();
  if (stage_ == Stage::looking_again) {
    const Comparison seen = compare_unheld();
    report(seen);
    if (seen.steps.empty() && holds_.empty()) carried_out_ = plan_;
    return end_round(all_, now);
  }
  stage_ = Stage::beginning_holds;
  const auto holds = holds_to_begin();
  tasks_.assign(holds.begin(), holds.end());
  go_on(now);
}

void Routing::done(TimePoint now) {
  const Task task = std::move(tasks_.front());
  tasks_.pop_front();
  switch (task.kind) {
    case Task::Kind::commit:
    case Task::Kind::release: holds_.erase(task.group); break;
    case Task::Kind::hold:
      holds_[task.group] = task.target;
      troubles_.erase(task.group);
      break;
    case Task::Kind::step: troubles_.erase(task.group); break;
    default: break;
  }
  go_on(now);
}

void Routing::failed(const std::string& why, TimePoint now) {
  const Task task = std::move(tasks_.front());
  tasks_.pop_front();
  switch (task.kind) {
    case Task::Kind::check:
    case Task::Kind::commit:  // the move is done anew
    case Task::Kind::release: holds_.erase(task.group); break;
    case Task::Kind::hold:
      trouble(task.group, why, "Statements for group " + std::to_string(task.group) + " cannot be held: " + why);
      break;
    case Task::Kind::step: {
      const std::string what = task.step.why + ", and it cannot be changed yet: " + why;
      trouble(task.group, what, "pg_dist_node: " + what);
      // A group's steps build on each other.
      std::erase_if(tasks_, [&](const Task& later) { return later.group == task.group; });
      break;
    }
    default: break;
  }
  go_on(now);
}

void Routing::lost(TimePoint now) {
  facts_ = CitusFacts{};
  end_round(false, now);
}

void Routing::trouble(GroupId group, const std::string& what, const std::string& words) {
  all_ = false;
  if (std::exchange(troubles_[group], what) != what) news_.push_back(words);
}

void Routing::note_drift(const std::string& what, TimePoint now) {
  const auto known = std::ranges::find(drift_, what, &Drift::what);
  if (known != drift_.end()) {
    known->at = now;
    return;
  }
  news_.push_back("pg_dist_node was changed outside autoctl: " + what + "; putting it right");
  drift_.push_back({what, now});
}

// ---- what is told

void Routing::report(const Comparison& seen) {
  CitusFacts facts{.ready = true, .routes = seen.routes, .drift = seen.strangers};
  for (auto& route : facts.routes) {
    if (const auto hold = holds_.find(route.group); hold != holds_.end()) route.held_for = hold->second;
    if (const auto trouble = troubles_.find(route.group); trouble != troubles_.end()) route.trouble = trouble->second;
  }
  for (const auto& found : drift_) facts.drift.push_back(found.what);
  for (const auto& finding : findings_) facts.drift.push_back(finding);
  facts_ = std::move(facts);
}

std::optional<Word> Routing::take_word() {
  if (facts_ == told_) return std::nullopt;
  Word word{facts_, matters(facts_, told_)};
  told_ = facts_;
  return word;
}

std::vector<std::string> Routing::take_news() {
  return std::exchange(news_, {});
}

}  // namespace autoctl::keeper::citus
