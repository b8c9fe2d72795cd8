#include "lab/writing_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace autoctl::lab {
namespace {

constexpr Millis check_timeout{60'000};

// No statement_timeout of the server's: a commit that is cancelled while it waits for its standby is *acknowledged*,
// with a warning, although no standby has it. We close the connection instead, and the row stays in doubt.
std::string insert_statement(const ClientOptions& options) {
  std::string statement = "INSERT INTO autoctl_demo.written (id, source) VALUES ($1, $2)";
  for (std::size_t i = 0; i < options.twins.size(); ++i) statement += fmt::format(", ($1, ${})", i + 3);
  // Citus takes no volatile function in RETURNING.
  if (!options.distributed)
    statement +=
        " RETURNING host(inet_server_addr()), inet_server_port(), pg_walfile_name(pg_current_wal_insert_lsn())";
  return statement;
}

std::vector<pg::Param> insert_values(const ClientOptions& options, std::int64_t id) {
  std::vector<pg::Param> values = {std::to_string(id), options.source};
  values.insert(values.end(), options.twins.begin(), options.twins.end());
  return values;
}

Millis duration(TimePoint from, TimePoint to) {
  return std::chrono::duration_cast<Millis>(to - from);
}

/// The first column of `sql`.
Result<std::vector<std::int64_t>> select_ids(const std::string& server, const std::string& sql,
                                             const std::vector<pg::Param>& parameters) {
  auto connection = pg::Connection::open(server, Millis(10'000));
  if (!connection) return fail(std::move(connection.error()));
  auto rows = connection->query(sql, parameters, check_timeout);
  if (!rows) return fail(std::move(rows.error()));
  std::vector<std::int64_t> ids;
  for (int row = 0; row < rows->size(); ++row) ids.push_back(rows->number(row, 0));
  return ids;
}

Timeline timeline_of(const std::string& wal_file) {
  std::uint32_t number = 0;
  std::from_chars(wal_file.data(), wal_file.data() + std::min<std::size_t>(8, wal_file.size()), number, 16);
  return Timeline(number);
}

}  // namespace

std::string conninfo(const std::vector<ServerAddress>& servers, const std::string& dbname,
                     const std::string& target_session_attrs) {
  std::string hosts, ports;
  for (const auto& server : servers) {
    hosts += (hosts.empty() ? "" : ",") + server.host;
    ports += (ports.empty() ? "" : ",") + std::to_string(server.port);
  }
  return fmt::format("host={} port={} dbname={} target_session_attrs={} application_name=autoctl_demo", hosts, ports,
                     pg::quote_conninfo(dbname), target_session_attrs);
}

WritingClient::WritingClient(ClientOptions options)
    : options_(std::move(options)), insert_row_(insert_statement(options_)), servers_(options_.servers) {}

WritingClient::~WritingClient() {
  stop();
}

Result<> WritingClient::prepare(const std::string& server) {
  auto connection = pg::Connection::open(server, Millis(10'000));
  if (!connection) return fail(std::move(connection.error()));
  return connection->script(
      "CREATE SCHEMA IF NOT EXISTS autoctl_demo;"
      "CREATE TABLE IF NOT EXISTS autoctl_demo.written"
      " (source text, id bigint, at timestamptz DEFAULT clock_timestamp(), PRIMARY KEY (source, id))",
      Millis(10'000));
}

Result<> WritingClient::distribute(const std::string& server) {
  auto connection = pg::Connection::open(server, Millis(10'000));
  if (!connection) return fail(std::move(connection.error()));
  return connection->script(
      "SELECT create_distributed_table('autoctl_demo.written', 'source') WHERE NOT EXISTS"
      " (SELECT FROM pg_dist_partition WHERE logicalrelid = 'autoctl_demo.written'::regclass)",
      check_timeout);
}

void WritingClient::start() {
  thread_ = std::jthread([this](const std::stop_token& stopping) {
    while (!stopping.stop_requested()) work();
  });
}

void WritingClient::stop() {
  thread_ = {};
}

void WritingClient::work() {
  if (connection_ && connection_->is_open()) {
    write_row();
    std::this_thread::sleep_for(options_.interval);
  } else if (!connect()) {
    std::this_thread::sleep_for(options_.retry_interval);
  }
}

bool WritingClient::connect() {
  auto connection = pg::Connection::open(
      conninfo(servers_, options_.dbname, options_.any_server ? "any" : "read-write"), options_.open_timeout);
  if (connection) {
    connection_ = std::move(*connection);
    return true;
  }
  // libpq asks the servers in order and a silent one would use up all the time, so the next try starts with the next
  // one.
  if (connection.error().code == Errc::timeout) std::rotate(servers_.begin(), servers_.begin() + 1, servers_.end());
  note(connection.error().message);
  return false;
}

void WritingClient::write_row() {
  Acknowledgement ack;
  ack.id = next_id_++;
  ack.sent = std::chrono::steady_clock::now();
  auto rows = connection_->query(insert_row_, insert_values(options_, ack.id), options_.statement_timeout);
  if (!rows) {
    // An error that the server reported itself means that the row is not there; silence or a lost connection mean
    // nothing, nor does the word of a coordinator that may have lost its worker.
    if (!connection_->is_open() || options_.distributed) ++in_doubt_;
    note_failure(ack.sent, rows.error().message);
    // A former primary that serves reads again refuses every write: another node is the primary now.
    if (!options_.any_server) connection_.reset();
    return;
  }
  ack.received = std::chrono::steady_clock::now();
  if (!options_.distributed) {
    ack.address = rows->text(0, 0);
    ack.port = static_cast<int>(rows->number(0, 1));
    ack.timeline = timeline_of(rows->text(0, 2));
  }
  const std::lock_guard lock(mutex_);
  acknowledgements_.push_back(std::move(ack));
  trouble_.clear();
}

void WritingClient::note(std::string trouble) {
  const std::lock_guard lock(mutex_);
  trouble_ = std::move(trouble);
}

void WritingClient::note_failure(TimePoint sent, const std::string& message) {
  note(message);
  const std::lock_guard lock(mutex_);
  failures_.push_back({sent, std::chrono::steady_clock::now(), message});
}

std::vector<Acknowledgement> WritingClient::acknowledgements() const {
  const std::lock_guard lock(mutex_);
  return acknowledgements_;
}

std::size_t WritingClient::acknowledged() const {
  const std::lock_guard lock(mutex_);
  return acknowledgements_.size();
}

Millis WritingClient::outage(TimePoint from, TimePoint to) const {
  const std::lock_guard lock(mutex_);
  return largest_gap(acknowledgements_, from, to);
}

std::vector<Failure> WritingClient::failures(TimePoint from) const {
  const std::lock_guard lock(mutex_);
  std::vector<Failure> recent;
  std::ranges::copy_if(failures_, std::back_inserter(recent), [&](const auto& f) { return f.ended >= from; });
  return recent;
}

Millis WritingClient::longest_statement(TimePoint from) const {
  const std::lock_guard lock(mutex_);
  Millis longest{0};
  for (const auto& ack : acknowledgements_)
    if (ack.received >= from) longest = std::max(longest, duration(ack.sent, ack.received));
  for (const auto& failure : failures_)
    if (failure.ended >= from) longest = std::max(longest, duration(failure.sent, failure.ended));
  return longest;
}

std::string WritingClient::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

Result<std::vector<std::int64_t>> WritingClient::lost(const std::string& server) const {
  // First what was acknowledged, then what is there: the client may be writing.
  const auto acknowledged = acknowledgements();
  const auto present =
      select_ids(server, "SELECT id FROM autoctl_demo.written WHERE source = $1 ORDER BY id", {options_.source});
  if (!present) return fail(present.error());
  return find_lost(acknowledged, *present);
}

Result<std::vector<std::int64_t>> WritingClient::half_applied(const std::string& server) const {
  std::string sources = pg::quote_literal(options_.source);
  for (const auto& twin : options_.twins) sources += ", " + pg::quote_literal(twin);
  return select_ids(server,
                    fmt::format("SELECT id FROM autoctl_demo.written WHERE source IN ({}) GROUP BY id "
                                "HAVING count(*) <> {} ORDER BY id",
                                sources, options_.twins.size() + 1),
                    {});
}

}  // namespace autoctl::lab
