#include "keeper/agent/create_node.h"

#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <functional>
#include <sstream>

#include "common/monitor_client/node_endpoint.h"
#include "common/postgres/lock_file.h"
#include "common/postgres/port_check.h"
#include "common/tls/certificate.h"
#include "common/tls/scram.h"
#include "common/util/pid_file.h"
#include "common/util/place.h"
#include "common/util/redact.h"
#include "keeper/agent/instance_file.h"
#include "keeper/agent/node_certificate.h"
#include "keeper/agent/state_file.h"
#include "keeper/core/restart_needs.h"
#include "keeper/postgres/adopted_files.h"
#include "keeper/postgres/instance.h"
#include "keeper/postgres/pgpass.h"

namespace autoctl::keeper {

namespace fs = std::filesystem;

namespace {

constexpr Millis registration_timeout{10'000};
constexpr Millis former_shutdown_patience{30'000};
constexpr Millis ask_timeout{5'000};

/// Undoes what was done, in reverse, unless it is kept.
class Undo {
 public:
  ~Undo() {
    for (auto it = steps_.rbegin(); it != steps_.rend(); ++it) (*it)();
  }
  void add(std::function<void()> step) { steps_.push_back(std::move(step)); }
  void keep() { steps_.clear(); }

 private:
  std::vector<std::function<void()>> steps_;
};

/// What is in PGDATA must be nothing, or a Postgres data directory of our major version that belongs to us.
Result<DataDirectory> check_data_directory(const config::Config& config, const Tools& tools) {
  struct stat info {};
  if (::stat(config.pgdata.c_str(), &info) == 0 && info.st_uid != ::geteuid())
    return fail(Errc::conflict, config.pgdata + " belongs to another user", "run autoctl as the user that owns it");
  auto found = inspect(tools, config.pgdata);
  if (!found) return found;
  if (!found->exists) return found;
  if (!found->is_postgres && !found->control_missing)
    return fail(Errc::conflict, config.pgdata + " is not empty, and no Postgres data directory",
                "choose an empty or new directory with --pgdata");
  if (found->major != tools.major)
    return fail(Errc::incompatible,
                config.pgdata + " is of Postgres " + std::to_string(found->major) + ", the tools are of " +
                    std::to_string(tools.major),
                "point --pgctl to a pg_ctl of Postgres " + std::to_string(found->major));
  if (fs::exists(config.pgdata + "/recovery.signal"))
    return fail(Errc::conflict, config.pgdata + " is to be restored from an archive: it has recovery.signal",
                "start Postgres by hand, wait until it accepts writes, then create the node; autoctl puts "
                "restore_command and recovery_target* out of force");
  return found;
}

/// An installation says itself where its extensions are.
Result<> check_citus_is_offered(const Tools& tools) {
  static constexpr std::string_view name = "share_path=";
  const auto said =
      run(postgres::tool_command(tools, "initdb", {"--show", "--pgdata", "/nowhere"}), std::chrono::seconds(30));
  if (!said) return fail(said.error());
  std::string control;
  std::istringstream lines(said->output);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name)) control = line.substr(name.size()) + "/extension/citus.control";
  if (!control.empty() && fs::exists(control)) return {};
  return fail(Errc::not_found, "the PostgreSQL in " + tools.bindir + " offers no Citus extension",
              "install Citus for PostgreSQL " + std::to_string(tools.major) + " (there is no " + control +
                  "), or choose another PostgreSQL with --pgctl");
}

/// A port that is free, or the one on which the server runs that is taken over: clients know it there.
Result<> check_ports(const config::Config& config) {
  AUTOCTL_TRY(postgres::check_port_free(config.listen, config.api_port, "--api-port"));
  const auto lock = postgres::read_lock_file(config.pgdata);
  const bool runs = lock && lock->pid > 0 && ::kill(lock->pid, 0) == 0;
  if (!runs) return postgres::check_port_free(config.listen, config.pgport);
  if (lock->port == 0 || lock->port == config.pgport) return {};
  return fail(Errc::conflict,
              "the Postgres that runs in " + config.pgdata + " has port " + std::to_string(lock->port) +
                  ", --pgport is " + std::to_string(config.pgport),
              "give --pgport " + std::to_string(lock->port) + "; to give it another port, stop it first");
}

/// A server that runs is taken over. Where replication cannot work with its settings, that costs a restart.
void announce_restart(const config::Config& config, const config::Files& files, const Tools& tools) {
  Instance postgres(config, files, tools);
  if (!postgres.adopt()) return;
  const auto needs = postgres.restart_needs(ask_timeout);
  if (!needs) {
    spdlog::warn(
        "Postgres runs in {}, and does not say how it is set ({}): it may be restarted when `autoctl run` takes "
        "it over",
        config.pgdata, needs.error().message);
  } else if (!needs->empty()) {
    spdlog::warn("Postgres runs in {}: `autoctl run` takes it over, and RESTARTS it once for {}", config.pgdata,
                 list_of(*needs));
  } else {
    spdlog::info("Postgres runs in {}: `autoctl run` takes it over as it is", config.pgdata);
  }
}

Result<> make_own_directory(const config::Files& files, Undo& undo) {
  if (fs::exists(files.config()))
    return fail(Errc::conflict, files.directory + " says that this node was created before",
                "`autoctl run --pgdata " + files.pgdata + "` runs it, `autoctl drop node --pgdata " + files.pgdata +
                    "` forgets it");
  std::error_code error;
  fs::create_directories(fs::path(files.pgdata).parent_path(), error);
  const bool existed = fs::exists(files.directory);
  if (!existed && ::mkdir(files.directory.c_str(), 0700) != 0)
    return fail(Errc::system, "cannot create " + files.directory + ": " + std::strerror(errno),
                "autoctl keeps its own files beside PGDATA; give this user the right to write there");
  if (existed && ::chmod(files.directory.c_str(), 0700) != 0)
    return fail(Errc::system, "cannot set the mode of " + files.directory + ": " + std::strerror(errno));
  undo.add([directory = files.directory, existed] {
    std::error_code ignored;
    if (!existed) fs::remove_all(directory, ignored);
  });
  return {};
}

/// Where the monitor's authority issues it, there is none before the node is registered.
Result<> make_certificate(config::Config& config, const config::Files& files) {
  if (config.ssl.issued) config.ssl.ca_file = files.ca();
  if (!config.ssl.issued) AUTOCTL_TRY(tls::write_self_signed(files.certificate(), files.key(), {config.hostname}));
  if (config.ssl.self_signed || config.ssl.issued) {
    config.ssl.server_cert = files.certificate();
    config.ssl.server_key = files.key();
  }
  return {};
}

/// The registration is taken back by what the node is now.
void take_back(client::MonitorEndpoint endpoint, const protocol::RegisterAnswer& answer, const std::string& key) {
  endpoint.token = answer.token;
  endpoint.certificate_pem = answer.certificate;
  endpoint.key_pem = answer.certificate.empty() ? "" : key;
  auto api = client::MonitorApi::create(endpoint);
  const auto dropped = api ? api->drop_node(answer.node, registration_timeout) : fail(api.error());
  if (!dropped) spdlog::error("Could not take back the registration: {}", dropped.error().message);
}

/// The node's last word: its Postgres has stopped. Without it the monitor has to find that out.
void say_farewell(client::MonitorApi& api, const config::Config& config, const config::Files& files) {
  const auto saved = load_state(files);
  if (!saved) return;
  protocol::Report report{.epoch = saved->epoch + 1, .sequence = 1};
  report.facts.state = NodeState::dropped;
  report.facts.term = saved->goal.term;
  if (const auto instance = load_instance(files)) report.instance = *instance;
  static_cast<void>(api.report(config.node, report, registration_timeout));
}

Result<> stop_postgres(const config::Config& config, const config::Files& files) {
  auto tools = find_tools(config.pg_ctl);
  if (!tools) return fail(tools.error());
  Instance postgres(config, files, *tools);
  return postgres.adopt() ? postgres.stop(StopMode::fast, former_shutdown_patience) : Result<>{};
}

/// PGDATA itself may be a mount point, or in a directory where this user may not write.
Result<> destroy_data(const std::string& pgdata) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(pgdata, error)) {
    fs::remove_all(entry.path(), error);
    if (error) return fail(Errc::system, "cannot remove " + entry.path().string() + ": " + error.message());
  }
  fs::remove(pgdata, error);
  return {};
}

Result<> forget_at_monitor(const config::Config& config, const config::Files& files) {
  const auto endpoint = client::node_endpoint(config, files);
  if (!endpoint) return fail(endpoint.error());
  auto api = client::MonitorApi::create(*endpoint);
  if (!api) return fail(api.error());
  auto dropped = api->drop_node(config.node, registration_timeout, false, links_of(files));
  if (!dropped && dropped.error().code == Errc::twin) {
    spdlog::warn("{}: that one stays, only what is here is forgotten", dropped.error().message);
    return {};
  }
  if (!dropped && dropped.error().code != Errc::not_found && dropped.error().code != Errc::denied) return dropped;
  if (dropped) say_farewell(*api, config, files);
  return {};
}

}  // namespace

protocol::RegisterRequest request_for(const config::Config& config, const DataDirectory& found) {
  protocol::RegisterRequest request;
  request.formation = config.formation;
  request.role = config.role;
  request.kind = config.role == "postgres" ? "pgsql" : "citus";
  request.group = config.group;
  request.name = config.name;
  request.host = config.hostname;
  request.port = config.pgport;
  request.api_port = config.api_port;
  request.dbname = config.dbname;
  request.system_id = found.system_id;
  request.existing_standby = found.standby_signal;
  request.candidate_priority = config.candidate_priority;
  request.replication_quorum = config.replication_quorum;
  request.region = config.region;
  request.ssl_mode = config.ssl.mode;
  request.citus_secondary = config.citus_secondary;
  request.citus_cluster = config.citus_cluster;
  request.proxy_port = config.proxy_port;
  return request;
}

namespace {

Result<> write_own_files(const config::Files& files, const config::Config& config,
                         const protocol::RegisterAnswer& answer, const std::string& password) {
  AUTOCTL_TRY(config::write_file(files.token(), answer.token + "\n", 0600));
  AUTOCTL_TRY(save_passwords(files.pgpass(), config.node, {answer.replication_password, password}));
  SavedState state;
  state.goal = answer.goal;
  state.standing = {config.candidate_priority, config.replication_quorum, config.region, {}};
  AUTOCTL_TRY(save_state(files, state));
  AUTOCTL_TRY(save_instance(files, {.place = place_of(files.directory)}));
  return config::save(files, config);
}

/// The first node of a group: its data directory is made now, so that whatever is wrong shows here and not in a log
/// later.
Result<> create_first_cluster(const config::Config& config, const config::Files& files, const Tools& tools,
                              Undo& undo) {
  spdlog::info("This is the first node of group {}: creating the database cluster in {}", config.group.value_or(0),
               config.pgdata);
  undo.add([pgdata = config.pgdata] {
    std::error_code ignored;
    fs::remove_all(pgdata, ignored);
  });
  Instance instance(config, files, tools);
  return instance.initdb([] { return false; });
}

}  // namespace

Result<config::Config> create_node(config::Config config, const std::string& config_file,
                                   const client::JoinToken& join) {
  const config::Files files(config.pgdata);
  config.pgdata = files.pgdata;
  if (::geteuid() == 0)
    return fail(
        Errc::bad_usage, "Postgres refuses to run as root",
        "run this as the user that shall own the data directory, for example with `sudo -u postgres autoctl …`");
  auto tools = find_tools(config.pg_ctl);
  if (!tools) return fail(tools.error());
  config.pg_ctl = tools->path("pg_ctl");
  auto found = check_data_directory(config, *tools);
  if (!found) return fail(found.error());
  if (config.is_citus()) AUTOCTL_TRY(check_citus_is_offered(*tools));
  AUTOCTL_TRY(check_ports(config));
  const auto given = find_configuration(config, *found, config_file);
  if (!given) return fail(given.error());

  Undo undo;
  AUTOCTL_TRY(make_own_directory(files, undo));
  if (!given->is_empty()) AUTOCTL_TRY(save_given_files(files, *given));
  announce_restart(config, files, *tools);
  const auto endpoint = client::endpoint_to_join(config.monitor, config.monitor_ca_file, config.token_file, join);
  if (!endpoint) return fail(endpoint.error());
  auto api = client::MonitorApi::create(*endpoint);
  if (!api) return fail(api.error());
  AUTOCTL_TRY(make_certificate(config, files));
  if (!endpoint->ca_pem.empty()) AUTOCTL_TRY(config::write_file(files.monitor_ca(), endpoint->ca_pem, 0600));

  auto request = request_for(config, *found);
  const auto asked = ask_for_certificate(config, request);
  if (!asked) return fail(asked.error());
  // The node alone knows it: the others get what it can be checked with.
  const std::string password = tls::random_token();
  if (config.auth != "cert") request.verifier = tls::scram_verifier(password);
  auto answer = api->register_node(request, registration_timeout);
  if (!answer) return fail(answer.error());
  undo.add([endpoint = *endpoint, answer = *answer, key = asked->key_pem] { take_back(endpoint, answer, key); });
  AUTOCTL_TRY(take_certificate(config, files, *asked, *answer, ""));
  config.node = answer->node;
  config.group = answer->group;
  config.name = answer->name;
  config.dbname = answer->dbname;
  config.monitor = without_password(config.monitor);
  config.monitor_url = endpoint->url;
  config.monitor_id = answer->monitor_id;
  spdlog::info("Registered as {} (node {}) in formation \"{}\", group {}", config.name, config.node.value,
               config.formation, answer->group);
  AUTOCTL_TRY(write_own_files(files, config, *answer, password));
  if (answer->goal.state == NodeState::single && !found->exists)
    AUTOCTL_TRY(create_first_cluster(config, files, *tools, undo));
  undo.keep();
  return config;
}

Result<> drop_node(const config::Files& files, const DropOptions& options) {
  const auto pid = locked_pid(files.pid());
  if (!pid) return fail(pid.error());
  if (*pid)
    return fail(Errc::conflict, "autoctl runs on this node with pid " + std::to_string(**pid),
                "stop it first: `autoctl stop`");
  auto config = config::load(files);
  if (!config) return fail(config.error());
  AUTOCTL_TRY(stop_postgres(*config, files));
  if (!config->monitor_url.empty()) {
    auto forgotten = forget_at_monitor(*config, files);
    const bool silent =
        !forgotten && (forgotten.error().code == Errc::unavailable || forgotten.error().code == Errc::timeout);
    if (silent && options.force) {
      spdlog::warn("The monitor does not answer ({}): it still lists this node, drop it there as well",
                   forgotten.error().message);
    } else if (!forgotten) {
      if (silent) forgotten.error().hint = "`--force` forgets the node here without telling the monitor";
      return forgotten;
    }
  }
  // Our own files last: as long as they are there the command can be given again.
  if (options.destroy) AUTOCTL_TRY(destroy_data(files.pgdata));
  std::error_code error;
  fs::remove_all(files.directory, error);
  if (error) return fail(Errc::system, "cannot remove " + files.directory + ": " + error.message());
  return {};
}

}  // namespace autoctl::keeper
