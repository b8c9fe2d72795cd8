#include "keeper/agent/citus_router.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "common/pg/own_settings.h"
#include "common/postgres/client_tls.h"
#include "common/postgres/tools.h"
#include "common/tls/certificate.h"
#include "keeper/postgres/pgpass.h"

namespace autoctl::keeper {

using namespace citus;

namespace {

using Clock = std::chrono::steady_clock;
using protocol::CitusPlan;

constexpr Millis router_open_timeout{2000};
constexpr Millis router_timeout{5000};
constexpr int hold_silence_max = 5000;  // ms
/// Citus tells the workers of a move right after it is committed, and refuses DDL until it has.
constexpr Millis sync_patience{1000};
constexpr Millis sync_interval{10};

/// So that a move is reported only when a table can be distributed again; a worker that is away is not waited for long.
void await_sync(pg::Connection& sql) {
  const auto until = Clock::now() + sync_patience;
  while (Clock::now() < until) {
    const auto synced = sql.query(
        "select coalesce(bool_and(metadatasynced), true) from pg_dist_node "
        "where groupid <> 0 and noderole = 'primary' and isactive and hasmetadata",
        router_timeout);
    if (!synced || synced->truth(0, 0)) return;
    std::this_thread::sleep_for(sync_interval);
  }
}

/// The row names a node that is none of the group's: a cluster that was adopted, or a node that moved; but not a group
/// that was created anew and knows nothing of the row's shards.
Result<> check_data(pg::Connection& worker, const TableStep& step) {
  const auto group = worker.query("select groupid from pg_dist_local_group", router_timeout);
  if (!group) return fail(group.error());
  if (group->number(0, 0) == step.citus_group) return {};
  return fail(Errc::conflict,
              fmt::format("{}:{} has not the data of that row's group (its own is group {}): create the "
                          "node over that data, or move the shards away with citus_drain_node",
                          step.host, step.port, group->number(0, 0)));
}

std::vector<Address> suspected_in(const std::optional<CitusPlan>& plan) {
  std::vector<Address> suspected;
  if (!plan) return suspected;
  for (const auto& route : plan->routes)
    for (const auto& node : route.nodes)
      if (node.suspected) suspected.push_back({node.host, node.port});
  return suspected;
}

bool changes_table(const Task& task) {
  return task.kind == Task::Kind::hold || task.kind == Task::Kind::step || task.kind == Task::Kind::commit;
}

}  // namespace

CitusRouter::CitusRouter(Board& board, const LiveConfig& config, const config::Files& files)
    : board_(board),
      live_(config),
      config_(config.now()),
      files_(files),
      session_(config_.pgdata),
      auditor_(config_),
      thread_([this] { run(); }) {}

CitusRouter::~CitusRouter() {
  thread_.join();
}

void CitusRouter::run() {
  while (!board_.stopping()) {
    const auto plan = board_.citus_duty();
    routing_.follow(plan);
    if (!plan) let_go();
    const Task task = routing_.next(Clock::now());
    auditor_.avoid(suspected_in(plan));
    auditor_.stand_aside(!holds_.empty() || changes_table(task));
    if (task.kind == Task::Kind::rest)
      board_.await_citus_duty(plan, task.until);
    else
      perform(task);
    for (const auto& sentence : routing_.take_news()) spdlog::warn("{}", sentence);
    if (auto word = routing_.take_word()) board_.publish_citus(std::move(word->facts), word->urgent);
  }
  holds_.clear();
}

/// All sessions end, and with them the transactions that hold statements.
void CitusRouter::let_go() {
  auditor_.activate(false);
  holds_.clear();
  sql_.reset();
  former_holds_ended_ = false;
}

void CitusRouter::perform(const Task& task) {
  Result<> done;
  switch (task.kind) {
    case Task::Kind::rest: return;
    case Task::Kind::look: return look(task.shards);
    case Task::Kind::check: done = check(task.group); break;
    case Task::Kind::commit: done = commit(task); break;
    case Task::Kind::release: release(task.group); break;
    case Task::Kind::hold: done = hold(task); break;
    case Task::Kind::step:
      if (const auto connected = connect(); !connected) return give_up(connected.error());
      done = change(task.step);
      break;
  }
  if (done)
    routing_.done(Clock::now());
  else
    routing_.failed(done.error().message, Clock::now());
}

// ---- looks

Result<> CitusRouter::connect() {
  if (!sql_ || !sql_->is_open()) {
    auto fresh = session_.open(router_open_timeout, config_.dbname, {router_name, session_options});
    if (!fresh) return fail(fresh.error());
    sql_ = std::move(*fresh);
    sql_->cancel_what_is_given_up();
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

void CitusRouter::look(bool shards) {
  if (const auto connected = connect(); !connected) return give_up(connected.error());
  auto rows = read_rows(*sql_, shards);
  if (!rows) return give_up(rows.error());
  given_up_for_.clear();
  auditor_.activate(true);
  routing_.looked(std::move(*rows), auditor_.findings(), Clock::now());
}

void CitusRouter::give_up(const Error& error) {
  if (std::exchange(given_up_for_, error.message) != error.message)
    spdlog::warn("pg_dist_node cannot be looked at: {}", error.message);
  if (sql_ && !sql_->is_open()) sql_.reset();
  routing_.lost(Clock::now());
}

// ---- holds

Result<> CitusRouter::check(GroupId group) {
  const auto alive = holds_.at(group).query("select 1", router_timeout);
  if (alive) return {};
  end_hold(group);
  return fail(alive.error());
}

Result<> CitusRouter::commit(const Task& task) {
  pg::Connection& sql = holds_.at(task.group);
  const auto committed = sql.script("commit", router_timeout);
  if (committed)
    spdlog::info("Statements for group {} go to node {} now", task.group, task.target.value);
  else
    spdlog::warn("The hand-over of group {} could not be committed, it is done anew: {}", task.group,
                 committed.error().message);
  auditor_.recover_soon();
  if (committed) await_sync(sql);
  holds_.erase(task.group);
  return committed;
}

void CitusRouter::release(GroupId group) {
  pg::Connection& sql = holds_.at(group);
  if (sql.is_open()) static_cast<void>(sql.script("rollback", router_timeout));
  end_hold(group);
}

void CitusRouter::end_hold(GroupId group) {
  spdlog::info("Statements for group {} are no longer held", group);
  holds_.erase(group);
}

Result<> CitusRouter::hold(const Task& task) {
  auto sql = session_.open(router_open_timeout, config_.dbname, {hold_name(task.group), session_options});
  if (!sql) return fail(sql.error());
  // No longer wanted: its session ends, and with it whatever it waits for.
  sql->cancel_what_is_given_up();
  sql->interrupt_when([this] { return board_.stopping() || routing_.overtaken(board_.citus_duty()); });
  AUTOCTL_TRY(sql->script(fmt::format("set idle_in_transaction_session_timeout = {}; begin", hold_silence_max),
                          router_timeout));
  AUTOCTL_TRY(move_row(*sql, task.step));
  sql->interrupt_when(nullptr);
  holds_.emplace(task.group, std::move(*sql));
  spdlog::info("Statements for group {} are held until node {} takes them", task.group, task.target.value);
  return {};
}

// ---- steps

Result<> CitusRouter::change(const TableStep& step) {
  sql_->interrupt_when([this] { return board_.stopping() || routing_.overtaken(board_.citus_duty()); });
  Result<> done = prepare(step);
  if (done) done = do_step(*sql_, step);
  const bool moved = done && step.kind == TableStep::Kind::move;
  if (done) spdlog::info("pg_dist_node changed: {}", step.why);
  if (moved || !sql_->is_open()) auditor_.recover_soon();
  if (sql_->is_open())
    sql_->interrupt_when([this] { return board_.stopping(); });
  else
    sql_.reset();
  return done;
}

/// What has to be seen to on the worker itself before a step about it.
Result<> CitusRouter::prepare(const TableStep& step) {
  if (step.kind != TableStep::Kind::add && !step.foreign) return {};
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

Result<pg::Connection> CitusRouter::open_worker(const TableStep& step) {
  const auto secret = replication_password(files_);
  if (!secret) return fail(secret.error());
  const std::string user = postgres::os_user();
  return pg::Connection::open(
      fmt::format("host={} port={} user={} dbname={} {} connect_timeout=2 application_name={} password={} options={}",
                  pg::quote_conninfo(step.host), step.port, pg::quote_conninfo(user),
                  pg::quote_conninfo(config_.dbname), postgres::client_tls(live_.now()), router_name,
                  tls::hmac_sha256_hex(*secret, "citus " + user),
                  pg::quote_conninfo(pg::own_settings(sql_->server_version() / 10000, pg::Privilege::superuser))),
      router_open_timeout);
}

}  // namespace autoctl::keeper
