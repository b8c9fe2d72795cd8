#include "common/pg/connection.h"

#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace autoctl::pg {
namespace {

using Clock = std::chrono::steady_clock;
constexpr const char* crowded_hint = "all of its connections are taken";
constexpr const char* broken_hint = "it runs, but lets no client in";
constexpr const char* less_safe_hint =
    "this side goes to servers only that let in by SCRAM over TLS: give both the same --auth and --ssl-…, or find "
    "out who answers there";
constexpr auto interrupt_interval = std::chrono::milliseconds(50);

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

/// True when one of `events` (or an error, which libpq will find itself) is there; false at the deadline.
bool wait_for(int fd, short events, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd entry{fd, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::max<long>(left, 0)));
    if (ready > 0) return true;
    if (ready == 0 && Clock::now() >= deadline) return false;
    if (ready < 0 && errno != EINTR) return true;
  }
}

/// In verbose messages the SQLSTATE follows the severity: "FATAL:  28P01: password authentication failed". libpq offers
/// no other way to learn it while a connection is made. Takes it, and the LOCATION line, out of the text.
std::string take_sqlstate(std::string& message) {
  if (const auto location = message.find("\nLOCATION:"); location != std::string::npos) {
    const auto end = message.find('\n', location + 1);
    message.erase(location, end == std::string::npos ? std::string::npos : end - location);
  }
  for (auto at = message.find(":  "); at != std::string::npos; at = message.find(":  ", at + 1)) {
    const std::string code = message.substr(at + 3, 5);
    const bool looks_right =
        code.size() == 5 && code.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == code.npos;
    if (!looks_right || message.compare(at + 8, 2, ": ") != 0) continue;
    message.erase(at + 3, 7);
    return code;
  }
  return {};
}

/// Data that cannot be read, a disk or memory that is used up, a process that cannot be made (said without a SQLSTATE).
bool means_broken(const std::string& sqlstate, const std::string& message) {
  const bool resources = sqlstate == "53100" || sqlstate == "53200";
  return resources || sqlstate.starts_with("58") || sqlstate.starts_with("XX") ||
         message.find("could not fork new process") != std::string::npos;
}

Error connect_error(PGconn* conn) {
  std::string message = trimmed(PQerrorMessage(conn));
  const std::string sqlstate = take_sqlstate(message);
  const auto says = [&](const char* words) { return message.find(words) != std::string::npos; };
  Errc code = Errc::unavailable;
  if (sqlstate.empty() && says("channel binding")) return Error{Errc::denied, message, less_safe_hint};
  if (sqlstate.starts_with("28")) {
    code = Errc::denied;
  } else if (!sqlstate.empty() && !sqlstate.starts_with("53") && !sqlstate.starts_with("57")) {
    code = Errc::postgres;
  } else if (sqlstate.empty() && (says("no password supplied") || says("certificate"))) {
    code = Errc::denied;
  }
  const char* hint = sqlstate == "53300" ? crowded_hint : means_broken(sqlstate, message) ? broken_hint : "";
  return Error{code, trimmed(message), hint};
}

/// Only the server's words: libpq's full text quotes the statement ("LINE 1: …"), and statements may hold secrets.
std::string server_message(const PGresult* result) {
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (primary == nullptr) return trimmed(PQresultErrorMessage(result));
  std::string message = primary;
  if (const char* detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL))
    message += std::string(" (") + detail + ")";
  return message;
}

void ignore_notice(void*, const PGresult*) {}

struct ResultDeleter {
  void operator()(PGresult* result) const { PQclear(result); }
};
using OwnedResult = std::unique_ptr<PGresult, ResultDeleter>;

}  // namespace

bool is_crowded(const Error& error) {
  return error.hint == crowded_hint;
}

bool is_broken(const Error& error) {
  return error.hint == broken_hint;
}

bool is_less_safe(const Error& error) {
  return error.hint == less_safe_hint;
}

/// The severity may be in the server's language; what libpq says of its own has one blank.
bool server_spoke(const Error& error) {
  return error.message.find(":  ") != std::string::npos;
}

Rows::Rows(pg_result* result) : result_(result, [](pg_result* owned) { PQclear(owned); }) {}

int Rows::size() const {
  return PQntuples(result_.get());
}

std::optional<std::string_view> Rows::get(int row, int column) const {
  if (row < 0 || row >= size() || column < 0 || column >= PQnfields(result_.get())) return std::nullopt;
  if (PQgetisnull(result_.get(), row, column) != 0) return std::nullopt;
  return std::string_view(PQgetvalue(result_.get(), row, column),
                          static_cast<std::size_t>(PQgetlength(result_.get(), row, column)));
}

std::string Rows::text(int row, int column) const {
  return std::string(get(row, column).value_or(""));
}

std::int64_t Rows::number(int row, int column) const {
  const auto value = get(row, column).value_or("");
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  return error == std::errc{} && end == value.data() + value.size() ? number : 0;
}

bool Rows::truth(int row, int column) const {
  return get(row, column) == "t";
}

std::int64_t Rows::affected() const {
  const char* count = PQcmdTuples(result_.get());
  return *count == '\0' ? 0 : std::strtoll(count, nullptr, 10);
}

std::vector<std::string> Rows::columns() const {
  std::vector<std::string> names;
  for (int column = 0; column < PQnfields(result_.get()); ++column) names.emplace_back(PQfname(result_.get(), column));
  return names;
}

struct Connection::Impl {
  PGconn* conn = nullptr;
  std::string sqlstate;
  std::function<bool()> interrupted;
  bool cancels = false;

  explicit Impl(PGconn* owned) : conn(owned) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { close(); }

  void close() {
    PQfinish(conn);
    conn = nullptr;
  }
  /// Of a statement under way. While the socket is open the process that the number names is its backend.
  void give_up() {
    if (const int backend = PQbackendPID(conn); cancels && backend > 0) ::kill(backend, SIGINT);
    close();
  }

  Result<> connect(Clock::time_point deadline);
  Result<> await_result(Clock::time_point deadline);
  Result<Rows> collect(Clock::time_point deadline);

  tl::unexpected<Error> lost() {
    std::string message = trimmed(PQerrorMessage(conn));
    close();
    return fail(Errc::unavailable, message.empty() ? "the connection to Postgres is lost" : std::move(message));
  }
};

Result<> Connection::Impl::connect(Clock::time_point deadline) {
  auto next = PGRES_POLLING_WRITING;
  for (;;) {
    if (PQstatus(conn) == CONNECTION_BAD) return fail(connect_error(conn));
    if (!wait_for(PQsocket(conn), next == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline))
      return fail(Errc::timeout, std::string("no connection to Postgres at ") + PQhost(conn) + " port " + PQport(conn) +
                                     " within the time allowed");
    next = PQconnectPoll(conn);
    if (next == PGRES_POLLING_OK) return {};
    if (next == PGRES_POLLING_FAILED) return fail(connect_error(conn));
  }
}

/// Sends what is left of the statement and reads until PQgetResult() would not block.
Result<> Connection::Impl::await_result(Clock::time_point deadline) {
  for (;;) {
    const int unsent = PQflush(conn);
    if (unsent < 0) return lost();
    if (unsent == 0 && PQisBusy(conn) == 0) return {};
    const auto look_up = interrupted ? std::min(deadline, Clock::now() + interrupt_interval) : deadline;
    const bool ready = wait_for(PQsocket(conn), static_cast<short>(unsent == 0 ? POLLIN : POLLIN | POLLOUT), look_up);
    if (ready) {
      if (PQconsumeInput(conn) == 0) return lost();
    } else if (interrupted && interrupted()) {
      give_up();
      return fail(Errc::unavailable, "a statement was cancelled: its result is no longer needed");
    } else if (Clock::now() >= deadline) {
      give_up();
      return fail(Errc::timeout, "Postgres did not answer a statement within the time allowed");
    }
  }
}

/// The last result of the statements under way, or the first error among them.
Result<Rows> Connection::Impl::collect(Clock::time_point deadline) {
  OwnedResult last;
  std::optional<Error> error;
  for (;;) {
    AUTOCTL_TRY(await_result(deadline));
    OwnedResult result(PQgetResult(conn));
    if (!result) break;
    const auto status = PQresultStatus(result.get());
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
      close();
      return fail(Errc::internal, "COPY is not supported on this connection");
    }
    const bool good = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY;
    if (!good && !error) {
      if (const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE)) sqlstate = state;
      error = Error{Errc::postgres, server_message(result.get()), {}};
    }
    last = std::move(result);
  }
  if (PQstatus(conn) == CONNECTION_BAD) {
    // A FATAL error (shutdown, terminated backend) ends the session: its words are better than "connection lost".
    close();
    return fail(Errc::unavailable, error ? error->message : "the connection to Postgres is lost");
  }
  if (error) return fail(std::move(*error));
  if (!last) return fail(Errc::internal, "Postgres gave no result");
  return Rows(last.release());
}

Connection::Connection(pg_conn* conn) : impl_(std::make_unique<Impl>(conn)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

Result<Connection> Connection::open(const std::string& conninfo, std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  char* complaint = nullptr;
  PQconninfoOption* parsed = PQconninfoParse(conninfo.c_str(), &complaint);
  if (parsed == nullptr) {
    std::string message = complaint != nullptr ? trimmed(complaint) : "out of memory";
    PQfreemem(complaint);
    return fail(Errc::bad_usage, "not a libpq connection string: " + message);
  }
  PQconninfoFree(parsed);

  // Later entries win, so a conninfo that sets its own keepalives keeps them. Without them a peer that vanished behind
  // an idle connection would be noticed after two hours.
  const std::array<const char*, 6> names = {
      "keepalives_idle", "keepalives_interval", "keepalives_count", "client_encoding", "dbname", nullptr};
  const std::array<const char*, 6> values = {"5", "2", "3", "UTF8", conninfo.c_str(), nullptr};
  Connection connection(PQconnectStartParams(names.data(), values.data(), 1));
  PGconn* conn = connection.impl_->conn;
  if (conn == nullptr) return fail(Errc::system, "out of memory");
  PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
  AUTOCTL_TRY(connection.impl_->connect(deadline));
  PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
  PQsetNoticeReceiver(conn, ignore_notice, nullptr);
  if (PQsetnonblocking(conn, 1) != 0) return fail(Errc::system, trimmed(PQerrorMessage(conn)));
  return connection;
}

Result<Rows> Connection::query(const std::string& sql, const std::vector<Param>& params,
                               std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  if (!is_open()) return fail(Errc::unavailable, "the connection to Postgres is closed");
  impl_->sqlstate.clear();
  std::vector<const char*> values;
  values.reserve(params.size());
  for (const auto& param : params) values.push_back(param ? param->c_str() : nullptr);
  if (PQsendQueryParams(impl_->conn, sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr,
                        nullptr, 0) == 0)
    return impl_->lost();
  return impl_->collect(deadline);
}

Result<> Connection::script(const std::string& sql, std::chrono::milliseconds timeout) {
  const auto rows = query_script(sql, timeout);
  return rows ? Result<>{} : fail(rows.error());
}

Result<Rows> Connection::query_script(const std::string& sql, std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  if (!is_open()) return fail(Errc::unavailable, "the connection to Postgres is closed");
  impl_->sqlstate.clear();
  if (PQsendQuery(impl_->conn, sql.c_str()) == 0) return impl_->lost();
  return impl_->collect(deadline);
}

void Connection::cancel_what_is_given_up() {
  if (impl_) impl_->cancels = true;
}

void Connection::interrupt_when(std::function<bool()> asked) {
  if (impl_) impl_->interrupted = std::move(asked);
}

Result<std::string> Connection::encrypt_password(const std::string& role, const std::string& password) {
  if (!is_open()) return fail(Errc::unavailable, "the connection to Postgres is closed");
  char* verifier = PQencryptPasswordConn(impl_->conn, password.c_str(), role.c_str(), "scram-sha-256");
  if (verifier == nullptr) return fail(Errc::internal, trimmed(PQerrorMessage(impl_->conn)));
  std::string text = verifier;
  PQfreemem(verifier);
  return text;
}

bool Connection::is_open() const {
  return impl_ && impl_->conn != nullptr && PQstatus(impl_->conn) == CONNECTION_OK;
}
int Connection::server_version() const {
  return is_open() ? PQserverVersion(impl_->conn) : 0;
}
std::string Connection::sqlstate() const {
  return impl_ ? impl_->sqlstate : "";
}
int Connection::socket() const {
  return is_open() ? PQsocket(impl_->conn) : -1;
}

}  // namespace autoctl::pg
