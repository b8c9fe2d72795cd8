#include "keeper/citus/auditor.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <sstream>

#include "keeper/citus/metadata.h"

namespace autoctl::keeper::citus {

namespace {

constexpr Millis open_timeout{2000};
constexpr Millis look_interval{1000};
constexpr Millis retry_interval{200};
/// A worker that does not answer keeps these for as long.
constexpr Millis recovery_timeout{10'000};
constexpr Millis compare_timeout{5000};
constexpr Millis sync_timeout{10'000};

/// The lines of comparable(), as a worker tells them.
constexpr const char* copies =
    "select nodename, nodeport, result from run_command_on_workers($c$select string_agg(nodeid || ' ' || groupid || ' "
    "' "
    "|| nodename || ' ' || nodeport || ' ' || noderole || ' ' || case when isactive then 'active' else 'inactive' end "
    "|| "
    "' ' || nodecluster, '|' order by nodeid) from pg_dist_node$c$) where success";

std::string first_difference(const std::vector<std::string>& truth, const std::string& copy) {
  std::vector<std::string> lines;
  std::istringstream text(copy);
  for (std::string line; std::getline(text, line, '|');) lines.push_back(line);
  for (std::size_t i = 0; i < std::max(truth.size(), lines.size()); ++i) {
    const std::string here = i < truth.size() ? truth[i] : "no more rows";
    const std::string there = i < lines.size() ? lines[i] : "no more rows";
    if (here != there) return fmt::format("has \"{}\" instead of \"{}\"", there, here);
  }
  return {};
}

/// Whom Citus asks when it asks all workers.
std::vector<Address> workers_of(const std::vector<Row>& rows) {
  std::vector<Address> workers;
  for (const Row& row : rows)
    if (row.primary && row.active && row.group != 0) workers.push_back({row.host, row.port});
  return workers;
}

}  // namespace

Auditor::Auditor(const config::Config& config)
    : session_(config.pgdata), dbname_(config.dbname), thread_([this] { run(); }) {}

Auditor::~Auditor() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    active_ = false;
  }
  changed_.notify_all();
  thread_.join();
}

void Auditor::activate(bool active) {
  const std::lock_guard lock(mutex_);
  if (active_ == active) return;
  active_ = recovery_due_ = active;
  findings_.clear();
  changed_.notify_all();
}

void Auditor::recover_soon() {
  const std::lock_guard lock(mutex_);
  recovery_due_ = true;
  changed_.notify_all();
}

std::vector<std::string> Auditor::findings() const {
  const std::lock_guard lock(mutex_);
  return findings_;
}

void Auditor::stand_aside(bool aside) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(aside_, aside) != aside) changed_.notify_all();
}

void Auditor::avoid(std::vector<Address> suspected) {
  const std::lock_guard lock(mutex_);
  suspected_ = std::move(suspected);
}

bool Auditor::is_unwanted() const {
  const std::lock_guard lock(mutex_);
  if (!active_ || aside_) return true;
  return std::ranges::find_first_of(asked_, suspected_) != asked_.end();
}

bool Auditor::may_ask(std::vector<Address> nodes) {
  {
    const std::lock_guard lock(mutex_);
    asked_ = std::move(nodes);
  }
  return !is_unwanted();
}

void Auditor::run() {
  Millis pause = look_interval;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto due = [&] { return active_ && !aside_ && recovery_due_ && pause == look_interval; };
    changed_.wait_for(lock, pause, [&] { return stopping_ || due(); });
    pause = look_interval;
    if (stopping_ || !active_) {
      before_.clear();
      sql_.reset();
      continue;
    }
    if (aside_) continue;
    const bool recovery = std::exchange(recovery_due_, false);
    lock.unlock();
    look(recovery);
    lock.lock();
    if (recovery_due_) pause = retry_interval;
  }
}

void Auditor::look(bool recovery) {
  Result<> done = connect();
  if (done && recovery) done = recover();
  if (!done && recovery) recover_soon();
  auto found = done ? compare() : Result<std::vector<Suspicion>>(fail(done.error()));
  // Seen twice in a row, it is no change that is just on its way.
  std::vector<Suspicion> certain;
  for (const auto& suspicion : found.value_or(std::vector<Suspicion>{}))
    if (std::ranges::find(before_, suspicion) != before_.end()) certain.push_back(suspicion);
  before_ = found.value_or(std::vector<Suspicion>{});
  if (found) others_.look(session_, *sql_, std::chrono::steady_clock::now());
  {
    const std::lock_guard lock(mutex_);
    findings_ = tell_other_databases();
    for (const auto& suspicion : certain) findings_.push_back(suspicion.what);
  }
  repair(certain);
}

Result<> Auditor::connect() {
  if (sql_ && sql_->is_open()) return {};
  auto fresh = session_.open(open_timeout, dbname_, {auditor_name, session_options});
  if (!fresh) return fail(fresh.error());
  sql_ = std::move(*fresh);
  sql_->cancel_what_is_given_up();
  sql_->interrupt_when([this] { return is_unwanted(); });
  // A connection that is kept would only be in the way of the next move.
  return sql_->script("set citus.max_cached_conns_per_worker = 0", open_timeout);
}

Result<std::vector<Row>> Auditor::read_table() {
  static_cast<void>(may_ask({}));
  return read_rows(*sql_, false);
}

Result<> Auditor::recover() {
  const auto rows = read_table();
  if (!rows) return fail(rows.error());
  if (!may_ask(workers_of(*rows))) return fail(Errc::unavailable, "a worker may not answer");
  const auto finished = sql_->query("select recover_prepared_transactions()", recovery_timeout);
  if (!finished) return fail(finished.error());
  if (finished->number(0, 0) > 0)
    spdlog::info("Finished {} prepared transactions that a move or failure had left", finished->number(0, 0));
  return {};
}

Result<std::vector<Auditor::Suspicion>> Auditor::compare() {
  const auto before = read_table();
  if (!before) return fail(before.error());
  std::vector<Suspicion> found;
  for (const Row& row : *before)
    if (row.group != 0 && row.primary && row.active && row.has_metadata && !row.synced)
      found.push_back(
          {row, fmt::format("{}:{} has not been told of all changes of pg_dist_node (metadatasynced is false)",
                            row.host, row.port)});
  if (!found.empty() || !may_ask(workers_of(*before))) return found;
  const auto told = sql_->query(copies, compare_timeout);
  if (!told) return fail(told.error());
  const auto after = read_table();
  if (!after) return fail(after.error());
  if (*before != *after) return found;
  const auto truth = comparable(*before);
  for (int i = 0; i < told->size(); ++i) {
    const auto row = std::ranges::find_if(*before, [&](const Row& candidate) {
      return candidate.primary && candidate.host == told->text(i, 0) && candidate.port == told->number(i, 1);
    });
    if (row == before->end() || !row->has_metadata || row->group == 0) continue;
    if (const auto difference = first_difference(truth, told->text(i, 2)); !difference.empty())
      found.push_back({*row, fmt::format("the copy of pg_dist_node on {}:{} {}", row->host, row->port, difference)});
  }
  return found;
}

std::vector<std::string> Auditor::tell_other_databases() const {
  std::vector<std::string> told;
  for (const auto& name : others_.with_citus())
    told.push_back(
        fmt::format("database {} of these servers has Citus, too, and only {} is looked after: after a "
                    "failover of a worker, change pg_dist_node there with citus_update_node",
                    name, dbname_));
  return told;
}

void Auditor::repair(const std::vector<Suspicion>& suspicions) {
  for (const auto& suspicion : suspicions) {
    if (!sql_ || !sql_->is_open()) return;
    if (!may_ask({{suspicion.worker.host, suspicion.worker.port}})) continue;
    const auto done = sql_->query("select start_metadata_sync_to_node($1::text, $2::int)",
                                  {suspicion.worker.host, std::to_string(suspicion.worker.port)}, sync_timeout);
    if (done)
      spdlog::info("{}; told it everything again", suspicion.what);
    else
      spdlog::warn("{}; it cannot be told again yet: {}", suspicion.what, done.error().message);
  }
}

}  // namespace autoctl::keeper::citus
