#include "keeper/citus/metadata.h"

#include <fmt/format.h>

#include <thread>

namespace autoctl::keeper::citus {

namespace {

using namespace std::chrono_literals;

constexpr auto read_timeout = 5s;
/// Adding a node copies all metadata to it.
constexpr auto add_timeout = 60s;
/// Beyond the cooldown, after which Citus itself ends whoever is in the way: our lock must not be given up first.
constexpr auto lock_patience = 10s;
/// A session whose client is gone ends as soon as its statement is cancelled.
constexpr auto cancel_patience = 1s;
constexpr auto cancel_interval = 20ms;

std::string number(int value) {
  return std::to_string(value);
}

/// An address that no node has, for the moment in which two rows change places.
std::string between(int row) {
  return "autoctl-row-" + std::to_string(row);
}

Result<> update(pg::Connection& sql, int row, const std::string& host, int port, Millis cooldown) {
  const auto done = sql.query("select citus_update_node($1::int, $2::text, $3::int, true, $4::int)",
                              {number(row), host, number(port), number(static_cast<int>(cooldown.count()))},
                              cooldown + lock_patience + read_timeout);
  if (!done) return fail(done.error());
  return {};
}

Result<> call(pg::Connection& sql, const std::string& statement, const std::vector<pg::Param>& params) {
  const auto done = sql.query(statement, params, add_timeout);
  if (!done) return fail(done.error());
  return {};
}

Result<> move(pg::Connection& sql, const TableStep& step) {
  AUTOCTL_TRY(sql.script("begin", read_timeout));
  if (const auto moved = move_row(sql, step); !moved) {
    if (sql.is_open()) static_cast<void>(sql.script("rollback", read_timeout));
    return moved;
  }
  return sql.script("commit", read_timeout);
}

}  // namespace

std::string hold_name(GroupId group) {
  return "autoctl_hold_" + std::to_string(group);
}

Result<> end_former_router(pg::Connection& sql) {
  const std::string others =
      "from pg_stat_activity where application_name = $1 and pid <> pg_backend_pid() and datname = current_database()";
  const auto until = std::chrono::steady_clock::now() + cancel_patience;
  while (std::chrono::steady_clock::now() < until) {
    const auto cancelled = sql.query("select pg_cancel_backend(pid) " + others, {router_name}, read_timeout);
    if (!cancelled) return fail(cancelled.error());
    if (cancelled->empty()) return {};
    std::this_thread::sleep_for(cancel_interval);
  }
  const auto ended = sql.query("select pg_terminate_backend(pid) " + others, {router_name}, read_timeout);
  if (!ended) return fail(ended.error());
  return {};
}

Result<int> finish_prepared(pg::Connection& coordinator, pg::Connection& worker) {
  // In this order, as Citus' own recovery does it: what is seen prepared, and belongs to no transaction under way
  // afterwards, has been decided; and it was committed if, and only if, there is a record of it.
  const auto prepared = worker.query(
      "select gid, split_part(gid, '_', 3) from pg_prepared_xacts where gid ~ '^citus_0_[0-9]+_' and "
      "database = current_database()",
      read_timeout);
  if (!prepared) return fail(prepared.error());
  int finished = 0;
  for (int i = 0; i < prepared->size(); ++i) {
    const std::string gid = prepared->text(i, 0);
    const auto decided = coordinator.query(
        "select not exists (select from pg_stat_activity where pid = $1::int and xact_start is not null and "
        "pid <> pg_backend_pid()), exists (select from pg_dist_transaction where gid = $2)",
        {prepared->text(i, 1), gid}, read_timeout);
    if (!decided) return fail(decided.error());
    if (!decided->truth(0, 0)) continue;
    const std::string verb = decided->truth(0, 1) ? "commit" : "rollback";
    AUTOCTL_TRY(worker.script(verb + " prepared " + pg::quote_literal(gid), read_timeout));
    ++finished;
  }
  return finished;
}

Result<bool> end_former_holds(pg::Connection& sql) {
  const auto ended = sql.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'autoctl\\_hold\\_%' and "
      "datname = current_database()",
      read_timeout);
  if (!ended) return fail(ended.error());
  return !ended->empty();
}

Result<std::vector<Row>> read_rows(pg::Connection& sql, bool shards) {
  const std::string held =
      shards ? "exists (select from pg_dist_placement p where p.groupid = n.groupid and not exists (select from "
               "pg_dist_placement o where o.shardid = p.shardid and o.groupid <> p.groupid))"
             : "false";
  const auto found = sql.query(
      "select nodeid, groupid, nodename, nodeport, noderole = 'primary', isactive, hasmetadata, metadatasynced, "
      "nodecluster, " +
          held + " from pg_dist_node n order by nodeid",
      read_timeout);
  if (!found) return fail(found.error());
  std::vector<Row> rows;
  for (int i = 0; i < found->size(); ++i)
    rows.push_back({.id = static_cast<int>(found->number(i, 0)),
                    .group = static_cast<int>(found->number(i, 1)),
                    .host = found->text(i, 2),
                    .port = static_cast<int>(found->number(i, 3)),
                    .primary = found->truth(i, 4),
                    .active = found->truth(i, 5),
                    .has_metadata = found->truth(i, 6),
                    .synced = found->truth(i, 7),
                    .cluster = found->text(i, 8),
                    .holds_shards = found->truth(i, 9)});
  return rows;
}

Result<> move_row(pg::Connection& sql, const TableStep& step) {
  const auto patience = std::chrono::duration_cast<Millis>(step.cooldown + lock_patience);
  AUTOCTL_TRY(sql.script(fmt::format("set local lock_timeout = {}", patience.count()), read_timeout));
  if (step.swapped_row == 0) return update(sql, step.row, step.host, step.port, step.cooldown);
  AUTOCTL_TRY(update(sql, step.swapped_row, between(step.swapped_row), step.port, step.cooldown));
  AUTOCTL_TRY(update(sql, step.row, step.host, step.port, step.cooldown));
  return update(sql, step.swapped_row, step.from_host, step.from_port, step.cooldown);
}

Result<> do_step(pg::Connection& sql, const TableStep& step) {
  switch (step.kind) {
    case TableStep::Kind::set_coordinator:
      return call(sql, "select citus_set_coordinator_host($1::text, $2::int)", {step.host, number(step.port)});
    case TableStep::Kind::add:
      return call(sql, "select citus_add_node($1::text, $2::int, $3::int, 'primary', $4::name)",
                  {step.host, number(step.port), number(step.citus_group), step.cluster});
    case TableStep::Kind::activate:
      return call(sql, "select citus_activate_node($1::text, $2::int)", {step.host, number(step.port)});
    case TableStep::Kind::move: return move(sql, step);
    case TableStep::Kind::add_secondary:
      return call(sql, "select citus_add_secondary_node($1::text, $2::int, $3::text, $4::int, $5::name)",
                  {step.host, number(step.port), step.from_host, number(step.from_port), step.cluster});
    case TableStep::Kind::remove:
      return call(sql, "select citus_remove_node($1::text, $2::int)", {step.host, number(step.port)});
  }
  return fail(Errc::internal, "unknown step");
}

std::vector<std::string> comparable(const std::vector<Row>& rows) {
  std::vector<std::string> lines;
  for (const Row& row : rows)
    lines.push_back(fmt::format("{} {} {} {} {} {} {}", row.id, row.group, row.host, row.port,
                                row.primary ? "primary" : "secondary", row.active ? "active" : "inactive",
                                row.cluster));
  return lines;
}

}  // namespace autoctl::keeper::citus
