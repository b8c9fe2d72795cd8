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
#include "common/postgres/hba_file.h"
#include "common/postgres/include_file.h"
#include "common/postgres/lock_file.h"

namespace autoctl::monitor {

namespace {

constexpr const char* public_socket_directory = "/var/run/postgresql";

constexpr Millis initdb_patience{300'000};
constexpr Millis connect_patience{2'000};
constexpr Millis ready_interval{20};
constexpr Millis progress_interval{10'000};
constexpr Millis kill_patience{10'000};

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

postgres::ServerSettings OwnPostgres::settings() const {
  postgres::ServerSettings ours = {{"listen_addresses", config_.listen},
                                   {"port", std::to_string(config_.pgport)},
                                   {"unix_socket_directories", socket_directories(config_, files_)},
                                   {"cluster_name", "autoctl_monitor"},
                                   {"shared_buffers", "16MB"},
                                   {"max_connections", "100"},
                                   // A week of logs of its own; our own log has what went on.
                                   {"logging_collector", "on"},
                                   {"log_directory", "log"},
                                   {"log_filename", "postgresql-%a.log"},
                                   {"log_truncate_on_rotation", "on"},
                                   {"log_rotation_age", "1d"},
                                   {"log_rotation_size", "0"},
                                   {"ssl", config_.ssl.enabled ? "on" : "off"}};
  if (config_.auth == "md5" || config_.auth == "scram-sha-256") ours["password_encryption"] = config_.auth;
  // A session that we gave up must end before a new one may write (PostgresStore::load).
  constexpr int first_with_check_interval = 14;
  if (tools_.major >= first_with_check_interval) ours["client_connection_check_interval"] = "500ms";
  // 8 MB instead of 8 GB: NOTIFY is the one thing that a role cannot be forbidden to fill the disk with.
  constexpr int first_with_notify_limit = 17;
  if (tools_.major >= first_with_notify_limit) ours["max_notify_queue_pages"] = "1024";
  if (!config_.ssl.enabled) return ours;
  ours["ssl_cert_file"] = config_.ssl.server_cert;
  ours["ssl_key_file"] = config_.ssl.server_key;
  if (!config_.ssl.ca_file.empty()) ours["ssl_ca_file"] = config_.ssl.ca_file;
  if (!config_.ssl.crl_file.empty()) ours["ssl_crl_file"] = config_.ssl.crl_file;
  return ours;
}

std::string OwnPostgres::hba_lines() const {
  using postgres::hba_line;
  const char* type = config_.ssl.enabled ? "hostssl" : "host";
  return hba_line("local", "all", pg::quote_identifier(postgres::os_user()), "", "peer") +
         hba_line("local", database, "autoctl_node", "", postgres::method_for_sockets(config_.auth)) +
         hba_line(type, database, "autoctl_node", "samenet", config_.auth) +
         // Its rights are taken away in one database: lines below this block may not let it into others.
         hba_line("local", "postgres,template1", "autoctl_node", "", "reject") +
         hba_line("host", "postgres,template1", "autoctl_node", "all", "reject");
}

Result<> OwnPostgres::configure() {
  const auto settings_written =
      postgres::write_settings(files_.pgdata + "/postgresql.conf", settings(), postgres::Precedence::user);
  if (!settings_written) return fail(settings_written.error());
  if (config_.skip_pg_hba) return {};
  const auto hba_written = postgres::write_hba_block(files_.pgdata + "/pg_hba.conf", hba_lines());
  if (!hba_written) return fail(hba_written.error());
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
  auto tell_at = std::chrono::steady_clock::now() + progress_interval;
  while (postmaster_.running()) {
    if (std::chrono::steady_clock::now() >= tell_at) {
      tell_at += progress_interval;
      spdlog::info("Waiting for the monitor's Postgres to be ready: {}",
                   postgres::last_lines(config::read_file(files_.startup_log()).value_or("")));
    }
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
