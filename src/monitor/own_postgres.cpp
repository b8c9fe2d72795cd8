#include "monitor/own_postgres.h"

#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "common/pg/connection.h"
#include "common/pg/own_settings.h"
#include "common/postgres/lock_file.h"

namespace autoctl::monitor {

namespace {

constexpr const char* include_name = "postgresql-autoctl.conf";
constexpr const char* hba_begin = "# --- autoctl: written at each start, do not edit between these lines\n";
constexpr const char* hba_end = "# --- autoctl: end\n";
constexpr const char* public_socket_directory = "/var/run/postgresql";

constexpr Millis initdb_patience{300'000};
constexpr Millis connect_patience{2'000};
constexpr Millis ready_interval{20};
constexpr Millis kill_patience{10'000};

std::string setting(std::string_view name, std::string_view value) {
  std::string quoted;
  for (const char c : value) quoted += c == '\'' ? "''" : c == '\\' ? "\\\\" : std::string(1, c);
  return fmt::format("{} = '{}'\n", name, quoted);
}

/// Ours alone where its path fits into a socket address; psql finds the usual directory beside it.
std::string socket_directory(const config::Config& config, const config::Files& files) {
  if (!config.pghost.empty() && config.pghost.starts_with('/')) return config.pghost;
  constexpr std::size_t name_max = sizeof("/.s.PGSQL.65535.lock");
  return files.directory.size() + name_max < sizeof(sockaddr_un::sun_path) ? files.directory : "/tmp";
}

std::string socket_directories(const config::Config& config, const config::Files& files) {
  const std::string own = socket_directory(config, files);
  const bool add = own != public_socket_directory && ::access(public_socket_directory, W_OK) == 0;
  return add ? own + "," + public_socket_directory : own;
}

/// What the server itself wrote since its last start. Its collector takes its words away from the startup log.
std::string own_words(const std::string& pgdata) {
  std::string newest;
  std::filesystem::file_time_type time;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(pgdata + "/log", error)) {
    const auto written = entry.last_write_time(error);
    if (!newest.empty() && written < time) continue;
    newest = entry.path();
    time = written;
  }
  const std::string text = newest.empty() ? "" : config::read_file(newest).value_or("");
  const auto start = text.rfind("starting PostgreSQL ");
  return start == std::string::npos ? text : text.substr(start);
}

std::string without_block(const std::string& text) {
  const auto begin = text.find(hba_begin);
  const auto end = text.find(hba_end);
  if (begin == std::string::npos || end == std::string::npos || end < begin) return text;
  return text.substr(0, begin) + text.substr(end + std::string_view(hba_end).size());
}

Result<> write_if_changed(const std::string& path, const std::string& text) {
  if (const auto present = config::read_file(path); present && *present == text) return {};
  return config::write_file(path, text, 0600);
}

}  // namespace

OwnPostgres::OwnPostgres(config::Config config, config::Files files, postgres::Tools tools)
    : config_(std::move(config)), files_(std::move(files)), tools_(std::move(tools)), postmaster_(files_.pgdata) {}

Result<> OwnPostgres::initdb() {
  const auto finished = run(postgres::tool_command(tools_, "initdb",
                                                   {"--pgdata", files_.pgdata, "--username", postgres::os_user(),
                                                    "--encoding", "UTF8", "--no-locale", "--data-checksums",
                                                    "--auth-local", "peer", "--auth-host", "scram-sha-256"}),
                            initdb_patience);
  if (!finished) return fail(finished.error());
  if (finished->ok()) return {};
  return fail(postgres::failure("initdb", finished->output));
}

std::string OwnPostgres::settings() const {
  std::string text =
      "# Written by autoctl at each start. Your own settings belong below the include line of postgresql.conf.\n";
  text += setting("listen_addresses", config_.listen);
  text += setting("port", std::to_string(config_.pgport));
  text += setting("unix_socket_directories", socket_directories(config_, files_));
  text += setting("cluster_name", "autoctl_monitor");
  if (config_.auth == "md5" || config_.auth == "scram-sha-256") text += setting("password_encryption", config_.auth);
  // A session that we gave up must end before a new one may write (PostgresStore::load).
  constexpr int first_with_check_interval = 14;
  if (tools_.major >= first_with_check_interval) text += setting("client_connection_check_interval", "500ms");
  text += setting("shared_buffers", "16MB");
  text += setting("max_connections", "100");
  // A week of logs of its own; our own log has what went on.
  text += setting("logging_collector", "on");
  text += setting("log_directory", "log");
  text += setting("log_filename", "postgresql-%a.log");
  text += setting("log_truncate_on_rotation", "on");
  text += setting("log_rotation_age", "1d");
  text += setting("log_rotation_size", "0");
  if (config_.ssl.enabled) {
    text += setting("ssl", "on");
    text += setting("ssl_cert_file", config_.ssl.server_cert);
    text += setting("ssl_key_file", config_.ssl.server_key);
    if (!config_.ssl.ca_file.empty()) text += setting("ssl_ca_file", config_.ssl.ca_file);
    if (!config_.ssl.crl_file.empty()) text += setting("ssl_crl_file", config_.ssl.crl_file);
  } else {
    text += setting("ssl", "off");
  }
  return text;
}

std::string OwnPostgres::hba_block() const {
  const char* kind = config_.ssl.enabled ? "hostssl" : "host";
  return std::string(hba_begin) + fmt::format("local all {} peer\n", pg::quote_identifier(postgres::os_user())) +
         fmt::format("local {} autoctl_node {}\n", database, config_.auth == "cert" ? "peer" : config_.auth) +
         fmt::format("{} {} autoctl_node samenet {}\n", kind, database, config_.auth) + hba_end;
}

Result<> OwnPostgres::configure() {
  AUTOCTL_TRY(write_if_changed(files_.pgdata + "/" + include_name, settings()));
  const std::string main_file = files_.pgdata + "/postgresql.conf";
  const auto present = config::read_file(main_file);
  if (!present) return fail(present.error());
  const std::string include = fmt::format("include '{}'", include_name);
  if (present->find("\n" + include) == std::string::npos)
    AUTOCTL_TRY(config::write_file(main_file, *present + "\n" + include + "\n", 0600));
  const std::string hba_file = files_.pgdata + "/pg_hba.conf";
  const auto hba = config::read_file(hba_file);
  if (!hba) return fail(hba.error());
  // The first match wins: autoctl's lines come before initdb's lines for all users.
  if (!config_.skip_pg_hba) AUTOCTL_TRY(write_if_changed(hba_file, hba_block() + without_block(*hba)));
  return {};
}

Result<> OwnPostgres::spawn() {
  AUTOCTL_TRY(postmaster_.clear_remains());
  postgres::remove_stale_socket_locks(socket_directories(config_, files_), config_.pgport);
  std::error_code ignored;
  std::filesystem::remove(files_.startup_log(), ignored);
  Command command = postgres::tool_command(tools_, "postgres", {"-D", files_.pgdata});
  command.output_file = files_.startup_log();
  return postmaster_.spawn(command);
}

Error OwnPostgres::start_failure() const {
  std::string log = config::read_file(files_.startup_log()).value_or("");
  if (log.find("logging collector") != std::string::npos) log = own_words(files_.pgdata);
  if (log.find("could not bind") != std::string::npos)
    return {Errc::conflict, fmt::format("port {} is in use: {}", config_.pgport, postgres::last_lines(log)),
            "choose another --pgport"};
  Error error = postgres::failure("the monitor's Postgres", log);
  if (error.hint.empty()) error.hint = "see " + files_.pgdata + "/log";
  return error;
}

Result<> OwnPostgres::wait_until_ready(const Cancelled& cancelled) {
  while (postmaster_.running()) {
    const auto lock = postgres::read_lock_file(files_.pgdata);
    if (lock && lock->status == "ready" && pg::Connection::open(conninfo("postgres"), connect_patience)) return {};
    if (cancelled && cancelled()) return fail(Errc::unavailable, "stopped while the monitor's Postgres was starting");
    std::this_thread::sleep_for(ready_interval);
  }
  postmaster_.wait(kill_patience);
  return fail(start_failure());
}

bool OwnPostgres::was_stopped() const {
  const auto control =
      ::autoctl::run(postgres::tool_command(tools_, "pg_controldata", {"-D", files_.pgdata}), connect_patience);
  return control && control->output.find(" shut down\n") != std::string::npos;
}

bool OwnPostgres::listens_elsewhere() const {
  const auto lock = postgres::read_lock_file(files_.pgdata);
  return lock && lock->port != 0 &&
         (lock->port != config_.pgport || lock->socket_directory != socket_directory(config_, files_));
}

Result<> OwnPostgres::start(const Cancelled& cancelled) {
  if (postmaster_.adopt()) {
    spdlog::info("Postgres already runs here (pid {}): taking it over", postmaster_.pid());
    if (listens_elsewhere()) {
      AUTOCTL_TRY(stop(kill_patience));
    } else {
      if (wait_until_ready(cancelled)) return {};
      if (cancelled && cancelled()) return fail(Errc::unavailable, "stopped while the monitor's Postgres was starting");
    }
  }
  AUTOCTL_TRY(spawn());
  return wait_until_ready(cancelled);
}

Result<> OwnPostgres::create_database() {
  auto connection = pg::Connection::open(conninfo("postgres"), connect_patience);
  if (!connection) return fail(std::move(connection.error()));
  const auto found =
      connection->query("SELECT FROM pg_database WHERE datname = $1", {std::string(database)}, connect_patience);
  if (!found) return fail(found.error());
  if (!found->empty()) return {};
  return connection->script(fmt::format("CREATE DATABASE {}", database), initdb_patience);
}

Result<> OwnPostgres::reload() {
  return postmaster_.signal(SIGHUP);
}

Result<> OwnPostgres::stop(Millis patience) {
  if (!postmaster_.running()) return {};
  for (const int signal_number : {SIGINT, SIGQUIT, SIGKILL}) {
    std::ignore = postmaster_.signal(signal_number);
    if (postmaster_.wait(signal_number == SIGINT ? patience : kill_patience)) return postmaster_.clear_remains();
  }
  return fail(Errc::timeout, "the monitor's Postgres does not stop");
}

std::string OwnPostgres::conninfo(const std::string& dbname) const {
  return fmt::format(
      "host={} port={} dbname={} user={} application_name='autoctl monitor' options={} client_encoding=UTF8",
      pg::quote_conninfo(socket_directory(config_, files_)), config_.pgport, pg::quote_conninfo(dbname),
      pg::quote_conninfo(postgres::os_user()),
      pg::quote_conninfo(pg::own_settings(tools_.major, pg::Privilege::superuser) + " -c search_path=public"));
}

}  // namespace autoctl::monitor
