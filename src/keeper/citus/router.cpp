#include "keeper/citus/router.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "common/postgres/tools.h"
#include "common/tls/certificate.h"
#include "keeper/postgres/pgpass.h"

namespace autoctl::keeper::citus {

namespace {

using Clock = std::chrono::steady_clock;
using protocol::CitusFacts;
using protocol::CitusPlan;
using protocol::CitusRoute;

constexpr Millis open_timeout{2000};
constexpr Millis query_timeout{5000};
/// How often the table is compared with the plan when nothing happens.
constexpr Millis look_interval{1000};
/// While statements are held, a sign of life this often: the session of a keeper that was frozen ends by itself.
constexpr Millis hold_interval{200};
constexpr int hold_silence_max = 5000;  // ms
constexpr Millis retry_pause_first{100};
constexpr Millis retry_pause_max{2000};
/// A difference that was repaired at once is still told, so that it can be seen and gets into the events.
constexpr Millis drift_memory{3000};
/// Citus tells the workers of a move right after it is committed, and refuses DDL until it has.
constexpr Millis sync_patience{1000};
constexpr Millis sync_interval{10};

bool has_empty_group(const CitusPlan& plan) {
  return std::ranges::any_of(plan.routes, [](const auto& route) { return route.nodes.empty(); });
}

/// So that a move is reported only when a table can be distributed again; a worker that is away is not waited for long.
void await_sync(pg::Connection& sql) {
  const auto until = Clock::now() + sync_patience;
  while (Clock::now() < until) {
    const auto synced = sql.query(
        "select coalesce(bool_and(metadatasynced), true) from pg_dist_node "
        "where groupid <> 0 and noderole = 'primary' and isactive and hasmetadata",
        query_timeout);
    if (!synced || synced->truth(0, 0)) return;
    std::this_thread::sleep_for(sync_interval);
  }
}

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

/// The row names a node that is none of the group's: a cluster that was adopted, or a node that moved; but not a group
/// that was created anew and knows nothing of the row's shards.
Result<> check_data(pg::Connection& worker, const Step& step) {
  const auto group = worker.query("select groupid from pg_dist_local_group", query_timeout);
  if (!group) return fail(group.error());
  if (group->number(0, 0) == step.citus_group) return {};
  return fail(Errc::conflict,
              fmt::format("{}:{} has not the data of that row's group (its own is group {}): create the "
                          "node over that data, or move the shards away with citus_drain_node",
                          step.host, step.port, group->number(0, 0)));
}

}  // namespace

Router::Router(Board& board, const config::Config& config, const config::Files& files)
    : board_(board), config_(config), files_(files), session_(config.pgdata), auditor_(config), thread_([this] {
        run();
      }) {}

Router::~Router() {
  thread_.join();
}

void Router::run() {
  while (!board_.stopping()) {
    const auto plan = board_.citus_duty();
    if (plan)
      work(*plan);
    else
      let_go();
    Millis pause = holds_.empty() ? look_interval : hold_interval;
    if (failures_ > 0) pause = std::min(pause, retry_pause_first * (1 << std::min(failures_ - 1, 4)));
    board_.await_citus_duty(plan, Clock::now() + std::min(pause, retry_pause_max));
  }
  holds_.clear();
}

void Router::let_go() {
  auditor_.activate(false);
  holds_.clear();  // their sessions end, and with them the transactions
  sql_.reset();
  former_holds_ended_ = false;
  carried_out_.reset();
  troubles_.clear();
  drift_.clear();
  failures_ = 0;
  publish(std::nullopt);
}

Result<> Router::connect() {
  if (!sql_ || !sql_->is_open()) {
    auto fresh = session_.open(open_timeout, config_.dbname, {router_name, session_options});
    if (!fresh) return fail(fresh.error());
    sql_ = std::move(*fresh);
    sql_->interrupt_when([this] { return board_.stopping(); });
    AUTOCTL_TRY(end_former_router(*sql_));
  }
  if (former_holds_ended_) return {};
  const auto ended = end_former_holds(*sql_);
  if (!ended) return fail(ended.error());
  if (*ended) spdlog::warn("Ended what a former keeper held of this cluster's statements");
  former_holds_ended_ = true;
  return {};
}

void Router::work(const CitusPlan& plan) {
  const auto give_up = [this](const Error& error) {
    if (failures_++ == 0 || given_up_for_ != error.message)
      spdlog::warn("pg_dist_node cannot be looked at: {}", error.message);
    given_up_for_ = error.message;
    if (sql_ && !sql_->is_open()) sql_.reset();
    publish(CitusFacts{});
  };
  if (const auto connected = connect(); !connected) return give_up(connected.error());
  end_holds(plan);
  auto rows = read_rows(*sql_, has_empty_group(plan));
  if (!rows) return give_up(rows.error());
  auditor_.activate(true);
  const bool held = begin_holds(plan, *rows);

  const auto to_do = [&] {
    Outcome seen = plan_steps(plan, *rows);
    std::erase_if(seen.steps, [&](const Step& step) { return holds_.contains(step.group); });
    return seen;
  };
  Outcome seen = to_do();
  std::erase_if(drift_, [&](const auto& found) { return Clock::now() - found.at > drift_memory; });
  if (carried_out_ == plan)
    for (const Step& step : seen.steps) note_drift(step.why);
  report(seen);
  if (!seen.steps.empty()) {
    const bool done = carry_out(plan, *rows, seen.steps);
    failures_ = done && held ? 0 : failures_ + 1;
    if (!sql_) return;
    rows = read_rows(*sql_, has_empty_group(plan));
    if (!rows) return give_up(rows.error());
    seen = to_do();
    report(seen);
  } else {
    failures_ = held ? 0 : failures_ + 1;
    if (held) troubles_.clear();
  }
  if (seen.steps.empty() && holds_.empty()) carried_out_ = plan;
}

void Router::note_drift(const std::string& what) {
  const auto known = std::ranges::find(drift_, what, &Drift::what);
  if (known != drift_.end()) {
    known->at = Clock::now();
    return;
  }
  spdlog::warn("pg_dist_node was changed by somebody else: {}; putting it right", what);
  drift_.push_back({what, Clock::now()});
}

// ---- holds

void Router::end_holds(const CitusPlan& plan) {
  for (auto it = holds_.begin(); it != holds_.end();) {
    Hold& hold = it->second;
    const CitusRoute* route = find_route(plan, it->first);
    if (route != nullptr && route->primary == hold.target) {
      const auto committed = hold.sql.script("commit", query_timeout);
      if (committed)
        spdlog::info("Statements for group {} go to node {} now", it->first, hold.target.value);
      else
        spdlog::warn("The hand-over of group {} could not be committed, it is done anew: {}", it->first,
                     committed.error().message);
      auditor_.recover_soon();
      if (committed) await_sync(hold.sql);
    } else if (route != nullptr && route->hold_for == hold.target && hold.sql.query("select 1", query_timeout)) {
      ++it;
      continue;
    } else {
      spdlog::info("Statements for group {} are no longer held", it->first);
      if (hold.sql.is_open()) static_cast<void>(hold.sql.script("rollback", query_timeout));
    }
    it = holds_.erase(it);
  }
}

bool Router::begin_holds(const CitusPlan& plan, const std::vector<Row>& rows) {
  bool all = true;
  for (const CitusRoute& route : plan.routes) {
    const auto* target = find_node(route, route.hold_for);
    if (route.group == 0 || target == nullptr || route.primary == route.hold_for || holds_.contains(route.group))
      continue;
    const Row* row = find_row(plan, route, rows);
    if (row == nullptr || (row->host == target->host && row->port == target->port)) continue;
    auto hold = begin_hold(route, move_to(route, *row, *target, rows));
    if (hold) {
      spdlog::info("Statements for group {} are held until {} takes them", route.group, target->name);
      troubles_.erase(route.group);
      holds_.emplace(route.group, std::move(*hold));
    } else {
      if (troubles_[route.group] != hold.error().message)
        spdlog::warn("Statements for group {} cannot be held: {}", route.group, hold.error().message);
      troubles_[route.group] = hold.error().message;
      all = false;
    }
  }
  return all;
}

Result<Router::Hold> Router::begin_hold(const CitusRoute& route, const Step& step) {
  auto sql = session_.open(open_timeout, config_.dbname, {hold_name(route.group), session_options});
  if (!sql) return fail(sql.error());
  // No longer wanted: its session ends, and with it whatever it waits for.
  sql->interrupt_when([this, group = route.group, target = route.hold_for] {
    const auto plan = board_.citus_duty();
    const CitusRoute* now = plan ? find_route(*plan, group) : nullptr;
    return board_.stopping() || now == nullptr || now->hold_for != target;
  });
  AUTOCTL_TRY(
      sql->script(fmt::format("set idle_in_transaction_session_timeout = {}; begin", hold_silence_max), query_timeout));
  AUTOCTL_TRY(move_row(*sql, step));
  sql->interrupt_when(nullptr);
  return Hold{route.hold_for, std::move(*sql)};
}

// ---- everything else

/// A worker that does not answer must not keep the others' statements from moving. A group that is not in the table
/// yet, or has no primary for a moment, moves nothing: adding a node is not worth breaking off for that.
bool Router::overtaken(const CitusPlan& plan, const std::vector<Row>& rows) const {
  const auto now = board_.citus_duty();
  if (!now) return true;
  return std::ranges::any_of(now->routes, [&](const CitusRoute& route) {
    const CitusRoute* before = find_route(plan, route.group);
    if (before == nullptr || find_row(plan, *before, rows) == nullptr) return false;
    const bool moves = route.primary && before->primary != route.primary;
    return moves || before->hold_for != route.hold_for;
  });
}

bool Router::carry_out(const CitusPlan& plan, const std::vector<Row>& rows, const std::vector<Step>& steps) {
  bool all = true;
  sql_->interrupt_when([&] { return board_.stopping() || overtaken(plan, rows); });
  std::map<GroupId, std::string> failed;
  for (const Step& step : steps) {
    if (failed.contains(step.group)) continue;  // its steps build on each other
    if (!sql_->is_open()) {
      auditor_.recover_soon();
      sql_.reset();
      return false;
    }
    Result<> done = prepare(step);
    if (done) done = do_step(*sql_, step);
    if (done) {
      spdlog::info("pg_dist_node changed: {}", step.why);
      if (step.kind == Step::Kind::move) auditor_.recover_soon();
      troubles_.erase(step.group);
      continue;
    }
    all = false;
    failed[step.group] = step.why + ", and it cannot be changed yet: " + done.error().message;
    if (troubles_[step.group] != failed[step.group]) spdlog::warn("pg_dist_node: {}", failed[step.group]);
    troubles_[step.group] = failed[step.group];
  }
  sql_->interrupt_when([this] { return board_.stopping(); });
  return all;
}

/// What has to be seen to on the worker itself before a step about it.
Result<> Router::prepare(const Step& step) {
  if (step.kind != Step::Kind::add && !step.foreign) return {};
  auto worker = open_worker(step);
  if (!worker && !step.foreign && worker.error().code == Errc::denied) return {};  // Citus has credentials of its own
  if (!worker) return fail(worker.error());
  if (step.foreign) return check_data(*worker, step);
  const auto finished = finish_prepared(*sql_, *worker);
  if (!finished) return fail(finished.error());
  if (*finished > 0)
    spdlog::info("Finished {} prepared transactions that an interrupted attempt to add {}:{} had left", *finished,
                 step.host, step.port);
  return {};
}

Result<pg::Connection> Router::open_worker(const Step& step) {
  const auto secret = replication_password(files_);
  if (!secret) return fail(secret.error());
  const std::string user = postgres::os_user();
  return pg::Connection::open(
      fmt::format("host={} port={} user={} dbname={} sslmode={} connect_timeout=2 application_name={} password={}",
                  pg::quote_conninfo(step.host), step.port, pg::quote_conninfo(user),
                  pg::quote_conninfo(config_.dbname), config_.ssl.mode, router_name,
                  tls::hmac_sha256_hex(*secret, "citus " + user)),
      open_timeout);
}

void Router::report(const Outcome& seen) {
  CitusFacts facts{.ready = true, .routes = seen.routes, .drift = seen.strangers};
  for (auto& route : facts.routes) {
    if (const auto hold = holds_.find(route.group); hold != holds_.end()) route.held_for = hold->second.target;
    if (const auto trouble = troubles_.find(route.group); trouble != troubles_.end()) route.trouble = trouble->second;
  }
  for (const auto& found : drift_) facts.drift.push_back(found.what);
  for (const auto& finding : auditor_.findings()) facts.drift.push_back(finding);
  publish(std::move(facts));
}

void Router::publish(std::optional<CitusFacts> facts) {
  if (facts == published_) return;
  board_.publish_citus(facts, matters(facts, published_));
  published_ = std::move(facts);
}

}  // namespace autoctl::keeper::citus
