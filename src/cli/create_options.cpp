#include "cli/create_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "cli/options.h"
#include "common/config/checks.h"
#include "common/config/files.h"
#include "common/monitor_client/monitor_url.h"
#include "common/util/redact.h"

namespace autoctl::cli {

namespace {

Option text(Verb command, const std::string& names, std::optional<std::string>& value, const std::string& sentence,
            const std::string& type) {
  return command.add_option(names, value, sentence).type_name(type);
}

void declare_postgres(Verb command, CreateOptions& options) {
  add_pgdata(command, options.pgdata);
  from_environment(
      text(command, "--pgctl", options.pgctl, "pg_ctl of the Postgres to use; default: the newest found", "FILE"),
      "PGCTL");
  text(command, "--pghost", options.pghost, "socket directory or address that autoctl itself connects to", "HOST");
  from_libpq_environment(
      command.add_option("--pgport", options.pgport, "port of Postgres; default: 5432").range(1, 65535), "PGPORT")
      .type_name("PORT");
  text(command, "--listen", options.listen, "listen_addresses, and where autoctl itself listens; default: \"*\"",
       "LIST");
  from_environment(
      text(command, "--hostname,--nodename", options.hostname,
           "host name or address that the other nodes and clients connect to; default: this machine's", "HOST"),
      "HOSTNAME")
      .check(config::check_hostname);
  from_environment(
      command.add_option("--api-port", options.api_port, "port of autoctl's own API; default: --pgport + 2000")
          .range(1, 65535),
      "API_PORT")
      .type_name("PORT");
}

void declare_access(Verb command, CreateOptions& options) {
  from_environment(text(command, "--auth", options.auth,
                        fmt::format("how nodes log in to Postgres; default: scram-sha-256. One of {}",
                                    fmt::join(config::auth_methods(), ", ")),
                        "METHOD"),
                   "AUTH_METHOD")
      .check(config::check_auth);
  from_environment(command.add_flag("--skip-pg-hba", options.skip_pg_hba, "leave pg_hba.conf alone"), "SKIP_PG_HBA");
  declare_ssl(command, options.ssl);
}

void declare_run(Verb command, CreateOptions& options) {
  command.add_flag("--run", options.run, "continue as `autoctl run` once it is created");
}

std::optional<std::string> environment(const std::string& name) {
  for (const char* prefix : {"AUTOCTL_", "PG_AUTOCTL_"})
    if (const char* value = std::getenv((prefix + name).c_str()); value != nullptr && *value != '\0') return value;
  return std::nullopt;
}

/// The environment counts where the command line says nothing about encryption at all, so that --no-ssl wins over
/// PG_AUTOCTL_SSL_SELF_SIGNED=true.
Result<SslOptions> with_environment(SslOptions ssl) {
  if (ssl.self_signed || ssl.no_ssl || ssl.server_cert || ssl.server_key) return ssl;
  for (const auto& [name, flag] : {std::pair{"SSL_SELF_SIGNED", &ssl.self_signed}, std::pair{"NO_SSL", &ssl.no_ssl}}) {
    const auto value = environment(name);
    if (!value) continue;
    const auto truth = config::parse_bool(*value);
    if (!truth) return fail(Errc::bad_usage, fmt::format("{}: '{}' is neither true nor false", name, *value));
    *flag = *truth;
  }
  const auto take = [](const char* name, std::optional<std::string>& value) {
    if (!value) value = environment(name);
  };
  take("SSL_CERT", ssl.server_cert);
  take("SSL_KEY", ssl.server_key);
  take("SSL_CA_FILE", ssl.ca_file);
  take("SSL_CRL_FILE", ssl.crl_file);
  take("SSL_MODE", ssl.mode);
  return ssl;
}

std::string absolute(const std::string& path) {
  return path.empty() ? path : std::filesystem::absolute(path).lexically_normal().string();
}

Result<> check_one_way(const SslOptions& ssl) {
  const bool own = ssl.server_cert || ssl.server_key;
  const int ways = (ssl.self_signed ? 1 : 0) + (ssl.no_ssl ? 1 : 0) + (own ? 1 : 0);
  const char* hint =
      "choose one of --ssl-self-signed, --server-cert with --server-key (and --ssl-ca-file), or --no-ssl; or none of "
      "them: the monitor's own authority gives certificates";
  if (ways == 0 && (ssl.ca_file || ssl.crl_file))
    return fail(Errc::bad_usage, "--ssl-ca-file and --ssl-crl-file need --server-cert and --server-key", hint);
  if (ways > 1) return fail(Errc::bad_usage, "more than one way to encrypt is given", hint);
  if (own && !(ssl.server_cert && ssl.server_key))
    return fail(Errc::bad_usage, "--server-cert and --server-key go together", hint);
  if (ssl.self_signed && (ssl.ca_file || ssl.crl_file))
    return fail(Errc::bad_usage, "--ssl-ca-file and --ssl-crl-file cannot be combined with --ssl-self-signed", hint);
  const std::string mode = ssl.mode.value_or("");
  if (ssl.self_signed && mode.starts_with("verify-"))
    return fail(Errc::bad_usage, fmt::format("a self-signed certificate cannot be checked with --ssl-mode {}", mode),
                "use --ssl-mode require, or give --server-cert, --server-key and --ssl-ca-file");
  if (ways == 0 && (mode == "disable" || mode == "allow" || mode == "prefer"))
    return fail(Errc::bad_usage, fmt::format("--ssl-mode {} would not use the monitor's certificates", mode),
                "leave it out (verify-full), or give --no-ssl");
  if (ssl.no_ssl && (mode == "require" || mode.starts_with("verify-")))
    return fail(Errc::bad_usage, fmt::format("--no-ssl contradicts --ssl-mode {}", mode), hint);
  return {};
}

}  // namespace

void declare_ssl(Verb command, SslOptions& ssl) {
  command.add_flag("--ssl-self-signed", ssl.self_signed,
                   "encrypt with a self-signed certificate (no protection against a man in the middle); default: with "
                   "one of the monitor's own certificate authority, and both sides check each other's");
  command.add_flag("--no-ssl", ssl.no_ssl, "do not encrypt");
  text(command, "--ssl-mode", ssl.mode, "sslmode of connection strings", "MODE").check(config::check_ssl_mode);
  text(command, "--ssl-ca-file", ssl.ca_file, "Postgres' ssl_ca_file", "FILE");
  text(command, "--ssl-crl-file", ssl.crl_file, "Postgres' ssl_crl_file", "FILE");
  text(command, "--server-cert", ssl.server_cert, "Postgres' ssl_cert_file, and the certificate of autoctl's own port",
       "FILE");
  text(command, "--server-key", ssl.server_key, "Postgres' ssl_key_file", "FILE");
}

Result<config::Ssl> to_ssl(const SslOptions& given) {
  const auto ssl = with_environment(given);
  if (!ssl) return fail(ssl.error());
  AUTOCTL_TRY(check_one_way(*ssl));
  config::Ssl result;
  result.enabled = !ssl->no_ssl;
  result.self_signed = ssl->self_signed;
  result.issued = !ssl->no_ssl && !ssl->self_signed && !ssl->server_cert;
  result.ca_file = absolute(ssl->ca_file.value_or(""));
  result.crl_file = absolute(ssl->crl_file.value_or(""));
  result.server_cert = absolute(ssl->server_cert.value_or(""));
  result.server_key = absolute(ssl->server_key.value_or(""));
  const char* strictest = ssl->no_ssl ? "prefer" : ssl->ca_file || result.issued ? "verify-full" : "require";
  result.mode = ssl->mode.value_or(strictest);
  return result;
}

namespace {

template <class T, class U>
void take(const std::optional<T>& given, U& value) {
  if (given) value = *given;
}

void take_path(const std::optional<std::string>& given, std::string& value) {
  if (given) value = absolute(*given);
}

Result<> take_auth(const CreateOptions& options, config::Config& config) {
  config.auth = options.auth.value_or("scram-sha-256");
  config.skip_pg_hba = options.skip_pg_hba;
  config.pg_hba_lan = options.pg_hba_lan;
  if (config.skip_pg_hba && config.pg_hba_lan)
    return fail(Errc::bad_usage, "--pg-hba-lan contradicts --skip-pg-hba", "leave one of them out");
  return {};
}

Result<> take_ports(const CreateOptions& options, config::Config& config) {
  take(options.pgport, config.pgport);
  config.api_port = options.api_port.value_or(config.pgport + config::api_port_offset);
  if (config.api_port > 65535)
    return fail(Errc::bad_usage, fmt::format("--pgport {} leaves no room for the API's port", config.pgport),
                "give it with --api-port");
  if (config.api_port == config.pgport)
    return fail(Errc::bad_usage, fmt::format("--api-port and --pgport are both {}", config.pgport));
  return {};
}

Result<> check_citus(const config::Config& config) {
  if (config.role == "coordinator" && config.group.value_or(0) != 0)
    return fail(Errc::bad_usage, "--group: the coordinator's group is 0", "leave --group out");
  if (config.role == "worker" && config.group.value_or(1) == 0)
    return fail(Errc::bad_usage, "--group: group 0 is the coordinator's, workers are in groups from 1 on",
                "leave --group out, and the monitor chooses");
  if (config.citus_cluster.empty()) return fail(Errc::bad_usage, "--citus-cluster is empty");
  return {};
}

Result<> take_node(const CreateOptions& options, config::Config& config) {
  if (!options.monitor)
    return fail(Errc::bad_usage, "--monitor is missing",
                "`autoctl show uri --monitor` on the monitor prints it, and so does `autoctl token create`");
  if (options.token_file && (options.join.token || options.join.token_file))
    return fail(Errc::bad_usage, "--token-file and a join token are both given", "leave one of them out");
  config.monitor = *options.monitor;
  if (options.monitor_password) {
    if (client::is_https(config.monitor))
      return fail(Errc::bad_usage, "--monitor-password is for a postgres:// monitor",
                  "an https:// monitor takes --join-token-file or --token-file");
    config.monitor = with_password(config.monitor, *options.monitor_password);
  }
  take_path(options.monitor_ca_file, config.monitor_ca_file);
  take_path(options.token_file, config.token_file);
  take(options.formation, config.formation);
  if (options.group) config.group = options.group;
  take(options.candidate_priority, config.candidate_priority);
  take(options.replication_quorum, config.replication_quorum);
  take(options.region, config.region);
  take(options.maximum_backup_rate, config.maximum_backup_rate);
  take_path(options.waldir, config.waldir);
  take(options.tablespace_mapping, config.tablespace_mapping);
  take(options.proxyport, config.proxy_port);
  config.citus_secondary = options.citus_secondary;
  take(options.citus_cluster, config.citus_cluster);
  return check_citus(config);
}

}  // namespace

void declare_create_monitor(Verb command, CreateOptions& options) {
  declare_postgres(command, options);
  declare_access(command, options);
  declare_run(command, options);
  declare_foreign_of_monitors(command, options.foreign);
}

void declare_create_node(Verb command, CreateOptions& options) {
  declare_postgres(command, options);
  from_environment(text(command, "--name", options.name, "the node's name; default: node_1, node_2, …", "NAME"),
                   "NODE_NAME")
      .check(config::check_node_name);
  from_libpq_environment(
      text(command, "--username", options.username, "role to create: a superuser, without a password", "NAME"),
      "PGUSER");
  from_environment(command.add_flag("--no-superuser", options.no_superuser,
                                    "--username may log in and owns --dbname, and is no superuser"),
                   "NO_SUPERUSER");
  from_libpq_environment(text(command, "--dbname", options.dbname, "database to create for the application", "NAME"),
                         "PGDATABASE");
  from_environment(text(command, "--monitor", options.monitor,
                        "https://host:port, or postgres://autoctl_node@host:port/pg_auto_failover", "URI"),
                   "MONITOR")
      .check(config::check_monitor);
  from_environment(
      text(command, "--monitor-password", options.monitor_password,
           "password for a postgres:// monitor; not kept. The environment hides it from other users", "TEXT"),
      "MONITOR_PASSWORD");
  from_environment(text(command, "--monitor-ca-file", options.monitor_ca_file,
                        "certificates to trust for an https:// monitor; default: the system's", "FILE"),
                   "MONITOR_CA_FILE");
  from_environment(
      text(command, "--token-file", options.token_file, "file with the credential to register with", "FILE"),
      "TOKEN_FILE");
  add_join_options(command, options.join);
  from_environment(text(command, "--formation", options.formation, "formation to join; default: \"default\"", "NAME"),
                   "FORMATION")
      .check(config::check_name);
  from_environment(
      command.add_option("--group", options.group, "group to join; default: the monitor chooses").not_negative(),
      "GROUP")
      .type_name("N");
  declare_access(command, options);
  auto lan = command.add_flag("--pg-hba-lan", options.pg_hba_lan, "let the local network connect to --dbname");
  from_environment(lan, std::getenv("PG_AUTOCTL_PG_HBA_LAN") == nullptr ? "HBA_LAN" : "PG_HBA_LAN");
  from_environment(
      command.add_option("--candidate-priority", options.candidate_priority, "0 (never promoted) to 100; default: 50")
          .range(0, 100),
      "CANDIDATE_PRIORITY")
      .type_name("N");
  from_environment(command.add_option("--replication-quorum", options.replication_quorum,
                                      "true (default) if commits may wait for this node"),
                   "REPLICATION_QUORUM")
      .type_name("true|false");
  from_environment(text(command, "--region", options.region, "label for where the node is", "NAME"), "REGION");
  text(command, "--maximum-backup-rate", options.maximum_backup_rate,
       "transfer rate of the first copy, per second; default: 100M", "RATE")
      .check(config::check_rate);
  text(command, "--waldir", options.waldir, "where the WAL goes, on another disk say; default: into --pgdata", "DIR");
  text(command, "--tablespace-mapping", options.tablespace_mapping,
       "where a copy puts the primary's tablespaces; default: where they are there", "OLD=NEW,…")
      .check(config::check_tablespace_mapping);
  declare_run(command, options);
  declare_foreign_of_nodes(command, options.foreign);
}

void declare_create_coordinator(Verb command, CreateOptions& options) {
  declare_create_node(command, options);
  command.add_flag("--citus-secondary", options.citus_secondary,
                   "while it is a standby, its distributed SELECTs read from the secondaries of its --citus-cluster");
  text(command, "--citus-cluster", options.citus_cluster, "citus.cluster_name; default: \"default\"", "NAME")
      .check(config::check_name);
}

void declare_create_worker(Verb command, CreateOptions& options) {
  declare_create_node(command, options);
  command
      .add_option("--proxyport", options.proxyport,
                  "port that the coordinator connects to (a connection pooler's); default: --pgport")
      .range(1, 65535)
      .type_name("PORT");
  command.add_flag("--citus-secondary", options.citus_secondary,
                   "while it is a standby, it is a secondary in pg_dist_node and answers reads of its --citus-cluster");
  text(command, "--citus-cluster", options.citus_cluster, "nodecluster in pg_dist_node; default: \"default\"", "NAME")
      .check(config::check_name);
}

Result<config::Config> to_config(const CreateOptions& options, const std::string& role, config::Config config) {
  AUTOCTL_TRY(refuse_foreign(options.foreign));
  if (options.pgdata.empty())
    return fail(Errc::bad_usage, "--pgdata is missing", "give the data directory, or set PGDATA");
  config.role = role;
  config.pgdata = config::Files(options.pgdata).pgdata;
  AUTOCTL_TRY(take_auth(options, config));
  auto ssl = to_ssl(options.ssl);
  if (!ssl) return fail(std::move(ssl.error()));
  config.ssl = std::move(*ssl);
  AUTOCTL_TRY(take_ports(options, config));
  take_path(options.pgctl, config.pg_ctl);
  take(options.pghost, config.pghost);
  take(options.listen, config.listen);
  take(options.hostname, config.hostname);
  take(options.name, config.name);
  take(options.username, config.username);
  config.superuser = !config.username.empty() && !options.no_superuser;
  take(options.dbname, config.dbname);
  if (config.is_monitor())
    config.dbname = "pg_auto_failover";
  else
    AUTOCTL_TRY(take_node(options, config));
  AUTOCTL_TRY(config::validate(config));
  return config;
}

}  // namespace autoctl::cli
