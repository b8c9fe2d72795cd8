#include "cli/demo/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace autoctl::demo {
namespace {

constexpr Millis check_timeout{60'000};

// No statement_timeout of the server's: a commit that is cancelled while it waits for its standby is *acknowledged*,
// with a warning, although no standby has it. We close the connection instead, and the row stays in doubt.
constexpr const char* insert_row =
    "INSERT INTO autoctl_demo.written (source, id) VALUES ($1, $2) "
    "RETURNING host(inet_server_addr()), inet_server_port(), pg_walfile_name(pg_current_wal_insert_lsn())";

Timeline timeline_of(const std::string& wal_file) {
  std::uint32_t number = 0;
  std::from_chars(wal_file.data(), wal_file.data() + std::min<std::size_t>(8, wal_file.size()), number, 16);
  return Timeline(number);
}

}  // namespace

std::string conninfo(const std::vector<Server>& servers, const std::string& dbname,
                     const std::string& target_session_attrs) {
  std::string hosts, ports;
  for (const auto& server : servers) {
    hosts += (hosts.empty() ? "" : ",") + server.host;
    ports += (ports.empty() ? "" : ",") + std::to_string(server.port);
  }
  return fmt::format("host={} port={} dbname={} target_session_attrs={} application_name=autoctl_demo", hosts, ports,
                     pg::quote_conninfo(dbname), target_session_attrs);
}

Client::Client(ClientOptions options) : options_(std::move(options)), servers_(options_.servers) {}

Client::~Client() {
  stop();
}

Result<> Client::prepare(const std::string& server) {
  auto connection = pg::Connection::open(server, Millis(10'000));
  if (!connection) return fail(std::move(connection.error()));
  return connection->script(
      "CREATE SCHEMA IF NOT EXISTS autoctl_demo;"
      "CREATE TABLE IF NOT EXISTS autoctl_demo.written"
      " (source text, id bigint, at timestamptz DEFAULT clock_timestamp(), PRIMARY KEY (source, id))",
      Millis(10'000));
}

void Client::start() {
  thread_ = std::jthread([this](const std::stop_token& stopping) {
    while (!stopping.stop_requested()) work();
  });
}

void Client::stop() {
  thread_ = {};
}

void Client::work() {
  if (connection_ && connection_->is_open()) {
    write_row();
    std::this_thread::sleep_for(options_.interval);
  } else if (!connect()) {
    std::this_thread::sleep_for(options_.retry_interval);
  }
}

bool Client::connect() {
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

void Client::write_row() {
  Acknowledgement ack;
  ack.id = next_id_++;
  ack.sent = std::chrono::steady_clock::now();
  auto rows = connection_->query(insert_row, {options_.source, std::to_string(ack.id)}, options_.statement_timeout);
  if (!rows) {
    // An error that the server reported itself means that the row is not there; silence or a lost connection mean
    // nothing.
    if (!connection_->is_open()) ++in_doubt_;
    note(rows.error().message);
    // A former primary that serves reads again refuses every write: somebody else is the primary now.
    if (!options_.any_server) connection_.reset();
    return;
  }
  ack.received = std::chrono::steady_clock::now();
  ack.address = rows->text(0, 0);
  ack.port = static_cast<int>(rows->number(0, 1));
  ack.timeline = timeline_of(rows->text(0, 2));
  const std::lock_guard lock(mutex_);
  acknowledgements_.push_back(std::move(ack));
  trouble_.clear();
}

void Client::note(std::string trouble) {
  const std::lock_guard lock(mutex_);
  trouble_ = std::move(trouble);
}

std::vector<Acknowledgement> Client::acknowledgements() const {
  const std::lock_guard lock(mutex_);
  return acknowledgements_;
}

std::size_t Client::acknowledged() const {
  const std::lock_guard lock(mutex_);
  return acknowledgements_.size();
}

Millis Client::outage(TimePoint from, TimePoint to) const {
  const std::lock_guard lock(mutex_);
  return largest_gap(acknowledgements_, from, to);
}

std::string Client::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

Result<std::vector<std::int64_t>> Client::lost(const std::string& server) const {
  // First what was acknowledged, then what is there: the client may be writing.
  const auto acknowledged = acknowledgements();
  auto connection = pg::Connection::open(server, Millis(10'000));
  if (!connection) return fail(std::move(connection.error()));
  auto rows = connection->query("SELECT id FROM autoctl_demo.written WHERE source = $1 ORDER BY id", {options_.source},
                                check_timeout);
  if (!rows) return fail(std::move(rows.error()));
  std::vector<std::int64_t> present;
  for (int row = 0; row < rows->size(); ++row) present.push_back(rows->number(row, 0));
  return find_lost(acknowledged, present);
}

}  // namespace autoctl::demo
