#include "monitor/store/postgres_store.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "common/tls/certificate.h"
#include "monitor/store/migrations.h"
#include "monitor/store/node_role.h"
#include "monitor/store/rows.h"

namespace autoctl::monitor {

namespace {

constexpr Millis statement_deadline{
    2'000};  // a decision that takes longer is in doubt: nodes must not wait for a stuck disk
constexpr std::int64_t events_kept = 100'000;
constexpr std::int64_t trim_interval = 1'000;  // events between two trims

// The session lock tells writers apart: while an earlier session of ours may still commit, a new one does not get it.
// Only an advisory lock is held as long as a session. Its functions are the owner's alone (sql/0010_node_role.sql).
constexpr const char* become_writer =
    "SELECT pg_advisory_lock(hashtext('autoctl monitor store')), set_config('synchronous_commit', 'on', false),"
    " set_config('timezone', 'UTC', false)";

template <class Read>
auto read_all(pg::Connection& connection, const char* sql, Read read)
    -> Result<std::vector<decltype(read(std::declval<const pg::Rows&>(), 0))>> {
  auto rows = connection.query(sql, statement_deadline);
  if (!rows) return fail(std::move(rows.error()));
  std::vector<decltype(read(*rows, 0))> all;
  for (int row = 0; row < rows->size(); ++row) all.push_back(read(*rows, row));
  return all;
}

/// Takes the rows out of their Results; the first error wins.
template <class Row>
Result<std::vector<Row>> unwrap(Result<std::vector<Result<Row>>> read) {
  if (!read) return fail(std::move(read.error()));
  std::vector<Row> all;
  for (auto& row : *read) {
    if (!row) return fail(std::move(row.error()));
    all.push_back(*std::move(row));
  }
  return all;
}

template <class Row>
Result<> write_all(pg::Connection& connection, const char* sql, const std::vector<Row>& all) {
  for (const Row& row : all)
    if (auto done = connection.query(sql, rows::params(row), statement_deadline); !done)
      return fail(std::move(done.error()));
  return {};
}

/// The data is at fault, not the server: classes of SQLSTATE "data exception", "integrity constraint violation" and
/// "program limit exceeded".
bool is_refused_data(const std::string& sqlstate) {
  return sqlstate.starts_with("22") || sqlstate.starts_with("23") || sqlstate.starts_with("54");
}

}  // namespace

Result<> hand_out(pg::Connection& connection, const std::optional<std::string>& entry_credential,
                  const std::string& ca_pem) {
  const auto done = connection.query(
      "UPDATE autoctl.monitor SET registration_token = $1, ca_pem = $2"
      " WHERE registration_token IS DISTINCT FROM $1 OR ca_pem IS DISTINCT FROM $2",
      {entry_credential ? pg::Param(*entry_credential) : pg::Param(), ca_pem}, statement_deadline);
  if (!done) return fail(done.error());
  return {};
}

PostgresStore::PostgresStore(std::string conninfo, ApiEndpoint endpoint)
    : conninfo_(std::move(conninfo)), endpoint_(std::move(endpoint)) {}

Result<> PostgresStore::connect() {
  connection_.reset();
  auto opened = pg::Connection::open(conninfo_, statement_deadline);
  if (!opened) return fail(std::move(opened.error()));
  const auto behind = is_behind(*opened);
  if (!behind) return fail(behind.error());
  // Before that migration a node can hold the lock; and an open look at a view holds up what alters its tables.
  if (*behind) AUTOCTL_TRY(shut_out_node_role(*opened));
  if (auto alone = opened->query(become_writer, statement_deadline); !alone)
    return fail(std::move(alone.error()).with_context("waiting for the store's former session to end"));
  AUTOCTL_TRY(migrate(*opened));
  if (*behind)
    if (const auto tended = tend_node_role(*opened); !tended)  // the daemon tries it again; decisions need no such role
      spdlog::warn("The role autoctl_node is not let in yet: {}", tended.error().message);
  connection_ = *std::move(opened);
  return {};
}

Result<> PostgresStore::introduce() {
  const auto done = connection_->query(
      "INSERT INTO autoctl.monitor (id, api_url, ca_pem, registration_token) VALUES ($1, $2, $3, $4)"
      " ON CONFLICT (only_row) DO UPDATE SET api_url = $2, ca_pem = $3, registration_token = $4",
      {tls::random_token(), endpoint_.url, endpoint_.ca_pem,
       endpoint_.entry_credential ? pg::Param(endpoint_.entry_credential()) : pg::Param()},
      statement_deadline);
  if (!done) return fail(done.error());
  const auto formation = connection_->query(
      "INSERT INTO autoctl.formation (name, kind, dbname, replication_password) VALUES ('default', 'pgsql', "
      "'postgres', $1)"
      " ON CONFLICT DO NOTHING",
      {tls::random_token()}, statement_deadline);
  if (!formation) return fail(formation.error());
  return {};
}

Result<Image> PostgresStore::read_image() {
  auto numbers = connection_->query(
      "SELECT id, last_node_id, coalesce((SELECT max(id) FROM autoctl.operation), 0),"
      " coalesce((SELECT max(id) FROM autoctl.event), 0) FROM autoctl.monitor",
      statement_deadline);
  if (!numbers) return fail(std::move(numbers.error()));
  if (numbers->empty()) return fail(Errc::postgres, "table autoctl.monitor is empty");
  auto formations = read_all(*connection_, rows::select_formations, rows::formation);
  auto groups = unwrap(read_all(*connection_, rows::select_groups, rows::group));
  auto nodes = unwrap(read_all(*connection_, rows::select_nodes, rows::node));
  auto operations = unwrap(read_all(*connection_, rows::select_operations, rows::operation));
  auto tokens = read_all(*connection_, rows::select_tokens, rows::token);
  if (!formations) return fail(std::move(formations.error()));
  if (!groups) return fail(std::move(groups.error()));
  if (!nodes) return fail(std::move(nodes.error()));
  if (!operations) return fail(std::move(operations.error()));
  if (!tokens) return fail(std::move(tokens.error()));
  return Image{.monitor_id = numbers->text(0, 0),
               .formations = *std::move(formations),
               .groups = *std::move(groups),
               .nodes = *std::move(nodes),
               .operations = *std::move(operations),
               .tokens = *std::move(tokens),
               .last_node = NodeId{numbers->number(0, 1)},
               .last_operation = numbers->number(0, 2),
               .last_event = numbers->number(0, 3)};
}

Result<Image> PostgresStore::load() {
  const auto attempt = [this]() -> Result<Image> {
    AUTOCTL_TRY(connect());
    AUTOCTL_TRY(introduce());
    return read_image();
  };
  auto image = attempt();
  if (!image) connection_.reset();
  return image;
}

Result<> PostgresStore::commit(const Change& change) {
  if (!connection_) return fail(Errc::unavailable, "the monitor's Postgres is not connected");
  auto written = write(change);
  if (!written && is_refused_data(connection_->sqlstate()) && connection_->script("ROLLBACK", statement_deadline))
    return fail(Errc::bad_usage, "the monitor's Postgres refuses it: " + written.error().message);
  if (!written) {
    // Closing the session rolls back what is not committed; load() waits for that.
    connection_.reset();
    return written;
  }
  if (!change.events.empty()) return trim_events(change.events.back().id);
  return {};
}

Result<> PostgresStore::write(const Change& change) {
  pg::Connection& c = *connection_;
  AUTOCTL_TRY(c.script("BEGIN", statement_deadline));
  AUTOCTL_TRY(write_all(c, rows::upsert_formation, change.formations));
  AUTOCTL_TRY(write_all(c, rows::upsert_group, change.groups));
  for (const NodeId id : change.removed)
    if (auto done = c.query("DELETE FROM autoctl.node WHERE id = $1", {std::to_string(id.value)}, statement_deadline);
        !done)
      return fail(std::move(done.error()));
  AUTOCTL_TRY(write_all(c, rows::upsert_node, change.nodes));
  AUTOCTL_TRY(write_all(c, rows::upsert_operation, change.operations));
  for (const std::int64_t id : change.removed_tokens)
    if (auto done = c.query("DELETE FROM autoctl.token WHERE id = $1", {std::to_string(id)}, statement_deadline); !done)
      return fail(std::move(done.error()));
  AUTOCTL_TRY(write_all(c, rows::upsert_token, change.tokens));
  AUTOCTL_TRY(write_all(c, rows::insert_event, change.events));
  for (const std::string& formation : change.removed_formations)
    for (const char* sql :
         {"DELETE FROM autoctl.\"group\" WHERE formation = $1", "DELETE FROM autoctl.formation WHERE name = $1"})
      if (auto done = c.query(sql, {formation}, statement_deadline); !done) return fail(std::move(done.error()));
  std::int64_t last_node = 0;
  for (const NodeRow& node : change.nodes) last_node = std::max(last_node, node.id.value);
  if (last_node != 0) {
    auto done = c.query("UPDATE autoctl.monitor SET last_node_id = $1 WHERE last_node_id < $1",
                        {std::to_string(last_node)}, statement_deadline);
    if (!done) return fail(std::move(done.error()));
  }
  return c.script("COMMIT", statement_deadline);
}

Result<> PostgresStore::trim_events(std::int64_t last_event) {
  if (last_event - trimmed_at_ < trim_interval) return {};
  trimmed_at_ = last_event;
  const auto done = connection_->query("DELETE FROM autoctl.event WHERE id <= $1",
                                       {std::to_string(last_event - events_kept)}, statement_deadline);
  // The change is committed; it does no harm that old events stay for a while.
  if (!done) spdlog::warn("cannot trim old events: {}", done.error().message);
  return {};
}

Result<std::vector<protocol::EventDocument>> PostgresStore::events(const EventQuery& query) {
  if (!connection_) return fail(Errc::unavailable, "the monitor's Postgres is not connected");
  const std::string order = query.latest ? "DESC" : "ASC";
  const std::string group = query.group ? std::to_string(*query.group) : "";
  auto found = connection_->query("SELECT * FROM (SELECT " + std::string(rows::event_columns) +
                                      " FROM autoctl.event WHERE id > $1 AND ($2 = '' OR formation = $2)"
                                      " AND ($3 = '' OR \"group\" = nullif($3, '')::integer) ORDER BY id " +
                                      order + " LIMIT $4) AS found ORDER BY id",
                                  {std::to_string(query.after), query.formation, group, std::to_string(query.count)},
                                  statement_deadline);
  if (!found) return fail(std::move(found.error()));
  std::vector<protocol::EventDocument> events;
  for (int row = 0; row < found->size(); ++row) {
    auto event = rows::event(*found, row);
    if (!event) return fail(std::move(event.error()));
    events.push_back(*std::move(event));
  }
  return events;
}

}  // namespace autoctl::monitor
