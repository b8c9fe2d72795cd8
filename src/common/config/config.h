// autoctl.toml: what `create` was told, one struct for monitor and nodes.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/config/files.h"
#include "common/fsm/types.h"
#include "common/util/result.h"

namespace autoctl::config {

/// By default, autoctl's own port is this much above that of Postgres.
inline constexpr int api_port_offset = 2000;

struct Ssl {
  std::string mode =
      "prefer";              // disable, allow, prefer, require, verify-ca, verify-full: what clients and standbys use
  bool enabled = false;      // Postgres serves TLS
  bool self_signed = false;  // autoctl made the files below
  bool issued = false;       // the monitor's authority has issued them: both sides show certificates, and check them
  std::string ca_file, crl_file, server_cert, server_key;
};

struct Config {
  std::string role = "postgres";  // monitor, postgres, coordinator, worker
  std::string name;
  std::string hostname;        // what other nodes and clients connect to
  std::string auth = "trust";  // method of the HBA lines we write; trust, md5, scram-sha-256, cert, …
  bool skip_pg_hba = false;
  bool pg_hba_lan = false;
  int api_port = 0;
  int certificate_lifetime = 90 * 24 * 3600;  // monitor: of those that its authority issues, in seconds

  // [postgresql]
  std::string pgdata;
  std::string pg_ctl;  // its directory has the other tools
  std::string
      pghost;  // socket directory or address that autoctl itself connects to; empty = a socket directory we choose
  int pgport = 5432;
  std::string listen = "*";
  std::string username;    // empty: none is created
  bool superuser = false;  // what `username` is made as; a role that is there stays what it is
  std::string dbname = "postgres";
  Ssl ssl;

  // nodes only
  std::string formation = "default";
  std::optional<GroupId> group;
  NodeId node;                  // from the monitor
  std::string monitor;          // as given: https://… or a libpq URI, without its password
  std::string monitor_url;      // https://host:port, as found
  std::string monitor_ca_file;  // as given, for https://; empty = the system's store
  std::string token_file;       // as given: credential to register with; empty = what a libpq URI's Postgres hands out
  std::string monitor_id;       // identity of the monitor this node is registered with
  int candidate_priority = 50;
  bool replication_quorum = true;
  std::string region;
  std::string maximum_backup_rate = "100M";
  std::string waldir;              // of a new data directory; empty: in it. One that exists keeps its own link
  std::string tablespace_mapping;  // OLD=NEW, …: where a copy puts the primary's tablespaces that are not here yet

  // [citus], coordinators and workers only
  int proxy_port = 0;                     // in pg_dist_node instead of pgport; 0 = none
  bool citus_secondary = false;           // a secondary in pg_dist_node while it is a standby; reads there stay there
  std::string citus_cluster = "default";  // citus.cluster_name, pg_dist_node.nodecluster

  bool is_monitor() const { return role == "monitor"; }
  bool is_citus() const { return role == "coordinator" || role == "worker"; }
};

/// Errors: not_found (hint: run create), bad_config (names the key), denied (check_own_directory()).
Result<Config> load(const Files& files);
/// Errors: bad_usage (a value is out of range: nothing is written), system.
Result<> save(const Files& files, const Config& config);

/// The text of autoctl.toml, and back. `source` names the text in errors.
std::string to_toml(const Config& config);
Result<Config> from_toml(const std::string& text, const std::string& source);

/// Every value in range, and a method of logging in that goes with them. Errors: bad_usage, naming the key.
Result<> validate(const Config& config);

/// `config get|set`: dotted names ("postgresql.port"). Errors: not_found (lists the names), bad_usage (value out of
/// range, or a key that only `create` can set).
Result<std::string> get(const Config& config, const std::string& key);
Result<> set(Config& config, const std::string& key, const std::string& value);
std::vector<std::pair<std::string, std::string>> all(const Config& config);

}  // namespace autoctl::config
