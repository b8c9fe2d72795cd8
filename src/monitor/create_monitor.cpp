// `autoctl create monitor` and `autoctl drop monitor`.
#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "common/postgres/port_check.h"
#include "common/process/process.h"
#include "common/util/pid_file.h"
#include "monitor/daemon.h"
#include "monitor/identity.h"
#include "monitor/own_postgres.h"
#include "monitor/service/authority.h"
#include "monitor/store/postgres_store.h"

namespace autoctl::monitor {

namespace {

namespace fs = std::filesystem;

constexpr Millis stop_patience{30'000};

/// Its presence says that what is here was left by a `create` that was cut short, and may be removed.
std::string unfinished_mark(const config::Files& files) {
  return files.directory + "/creating";
}

/// Removes what was made, unless keep() is called. What was there before (an empty directory) stays.
class Undo {
 public:
  explicit Undo(const config::Files& files) : files_(files), had_pgdata_(fs::exists(files.pgdata)) {}
  ~Undo() {
    if (kept_) return;
    std::error_code ignored;
    if (had_pgdata_)
      for (const auto& entry : fs::directory_iterator(files_.pgdata, ignored)) fs::remove_all(entry.path(), ignored);
    else
      fs::remove_all(files_.pgdata, ignored);
    fs::remove_all(files_.directory, ignored);
  }
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  void keep() { kept_ = true; }

 private:
  const config::Files& files_;
  bool had_pgdata_;
  bool kept_ = false;
};

Result<> check_directory(const config::Files& files) {
  std::error_code ignored;
  if (fs::exists(files.config()))
    return fail(Errc::conflict, files.pgdata + " has been set up already",
                "start it with `autoctl run --pgdata " + files.pgdata + "`");
  if (fs::exists(unfinished_mark(files))) {
    spdlog::info("Removing what an earlier `create` that was cut short has left in {}", files.pgdata);
    for (const auto& entry : fs::directory_iterator(files.pgdata, ignored)) fs::remove_all(entry.path(), ignored);
    fs::remove_all(files.directory, ignored);
  }
  if (fs::exists(files.directory) && !fs::is_empty(files.directory, ignored))
    return fail(Errc::conflict, files.directory + " exists and is not empty", "remove it, or choose another --pgdata");
  if (!fs::exists(files.pgdata)) return {};
  if (!fs::is_directory(files.pgdata)) return fail(Errc::conflict, files.pgdata + " is not a directory");
  if (fs::is_empty(files.pgdata, ignored)) return {};
  return fail(Errc::conflict, files.pgdata + " is not empty",
              "a monitor has a Postgres of its own: give it a --pgdata that is empty or does not exist");
}

Result<> make_directory(const config::Files& files) {
  std::error_code error;
  fs::create_directories(files.directory, error);
  if (error) return fail(Errc::system, "cannot create " + files.directory + ": " + error.message());
  if (::chmod(files.directory.c_str(), 0700) != 0)
    return fail(Errc::system,
                "cannot set the mode of " + files.directory + ": " + std::generic_category().message(errno));
  return config::write_file(unfinished_mark(files), "");
}

Result<> create_contents(const config::Config& config, const config::Files& files, const postgres::Tools& tools) {
  if (config.ssl.issued) AUTOCTL_TRY(Authority(files).create());
  AUTOCTL_TRY(ensure_identity(config, files));
  auto endpoint = api_endpoint(config, files);
  if (!endpoint) return fail(std::move(endpoint.error()));
  OwnPostgres own(config, files, tools);
  spdlog::info("Initialising a Postgres {} for the monitor in {}", tools.version, files.pgdata);
  AUTOCTL_TRY(own.initdb());
  AUTOCTL_TRY(own.configure());
  const auto fill = [&]() -> Result<> {
    AUTOCTL_TRY(own.start({}));
    AUTOCTL_TRY(own.create_database());
    PostgresStore store(own.conninfo(OwnPostgres::database), *endpoint);
    if (auto image = store.load(); !image) return fail(std::move(image.error()));
    return {};
  };
  auto filled = fill();
  if (!filled && postgres::means_disk_full(filled.error().message))
    filled = fail(Errc::system, "the disk is full: " + filled.error().message, "make room, then try again");
  auto stopped = own.stop(stop_patience);
  AUTOCTL_TRY(filled);
  return stopped;
}

}  // namespace

Result<config::Config> create_monitor(config::Config config) {
  if (::geteuid() == 0)
    return fail(Errc::bad_usage, "Postgres does not run as root, and so a monitor cannot",
                "run this as an ordinary user, for example: runuser -u postgres -- autoctl create monitor …");
  auto tools = postgres::find_tools(config.pg_ctl);
  if (!tools) return fail(std::move(tools.error()));
  config.role = "monitor";
  config.pg_ctl = tools->path("pg_ctl");
  if (config.api_port == 0) config.api_port = config.pgport + config::api_port_offset;
  if (config.hostname.empty()) config.hostname = "localhost";
  const config::Files files(config.pgdata);
  config.pgdata = files.pgdata;
  if (config.ssl.issued) config.ssl.ca_file = files.ca();
  if (config.ssl.enabled && (config.ssl.self_signed || config.ssl.issued)) {
    config.ssl.server_cert = files.certificate();
    config.ssl.server_key = files.key();
  }
  AUTOCTL_TRY(config::validate(config));
  AUTOCTL_TRY(check_directory(files));
  AUTOCTL_TRY(postgres::check_port_free(config.listen, config.pgport));
  AUTOCTL_TRY(postgres::check_port_free(config.listen, config.api_port, "--api-port"));

  Undo undo(files);
  AUTOCTL_TRY(make_directory(files));
  AUTOCTL_TRY(create_contents(config, files, *tools));
  AUTOCTL_TRY(config::save(files, config));
  undo.keep();
  std::error_code ignored;
  fs::remove(unfinished_mark(files), ignored);
  return config;
}

Result<> drop_monitor(const config::Files& files, bool destroy) {
  const auto config = config::load(files);
  if (!config) return fail(config.error());
  if (!config->is_monitor()) return fail(Errc::bad_usage, files.pgdata + " is a node's, not a monitor's");
  const auto daemon = locked_pid(files.pid());
  if (!daemon) return fail(daemon.error());
  if (*daemon) {
    auto process = Child::adopt(**daemon);
    if (process && process->signal(SIGTERM) && !process->wait(stop_patience))
      return fail(Errc::timeout, fmt::format("the monitor (pid {}) does not stop", **daemon));
  }
  auto tools = postgres::find_tools(config->pg_ctl);
  if (!tools) return fail(std::move(tools.error()));
  postgres::Postmaster postmaster(files.pgdata);
  if (postmaster.adopt()) {  // left behind by a killed daemon
    AUTOCTL_TRY(postmaster.signal(SIGINT));
    if (!postmaster.wait(stop_patience)) return fail(Errc::timeout, "the monitor's Postgres does not stop");
  }
  std::error_code error;
  if (destroy) fs::remove_all(files.pgdata, error);
  if (!error) fs::remove_all(files.directory, error);
  if (error) return fail(Errc::system, "cannot remove " + files.pgdata + ": " + error.message());
  return {};
}

}  // namespace autoctl::monitor
