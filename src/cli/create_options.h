// The options of `create monitor|postgres|coordinator|worker`, and the configuration that they make.
#pragma once

#include <optional>
#include <string>

#include "cli/command.h"
#include "cli/foreign_options.h"
#include "cli/join_options.h"
#include "common/config/config.h"
#include "common/util/result.h"

namespace autoctl::cli {

struct SslOptions {
  bool self_signed = false;
  bool no_ssl = false;
  std::optional<std::string> mode, ca_file, crl_file, server_key, server_cert;
};

/// What was given, and only that: defaults are Config's.
struct CreateOptions {
  std::string pgdata;
  std::optional<std::string> pgctl, pghost, listen, hostname, name, username, dbname, auth;
  std::optional<int> pgport, api_port;
  bool skip_pg_hba = false;
  bool no_superuser = false;
  bool run = false;
  ForeignOptions foreign;
  SslOptions ssl;

  // nodes only
  bool pg_hba_lan = false;
  std::optional<std::string> monitor, monitor_password, monitor_ca_file, token_file, formation, region,
      maximum_backup_rate;
  std::optional<std::string> waldir, tablespace_mapping;
  JoinOptions join;  // no part of the configuration
  std::optional<GroupId> group;
  std::optional<int> candidate_priority;
  std::optional<bool> replication_quorum;

  // Citus nodes only
  std::optional<int> proxyport;
  bool citus_secondary = false;
  std::optional<std::string> citus_cluster;
};

void declare_ssl(Verb command, SslOptions& ssl);
/// With AUTOCTL_SSL_… where nothing is given; paths become absolute. Those of a self-signed certificate are for the
/// caller to fill in. Looks at no file. Errors: bad_usage.
Result<config::Ssl> to_ssl(const SslOptions& given);

void declare_create_monitor(Verb command, CreateOptions& options);
void declare_create_node(Verb command, CreateOptions& options);
/// The same, and what Citus adds to it.
void declare_create_coordinator(Verb command, CreateOptions& options);
void declare_create_worker(Verb command, CreateOptions& options);

/// Checks the options against each other and turns them into a configuration on top of `base`; paths become absolute.
/// Looks at no file. Errors: bad_usage.
Result<config::Config> to_config(const CreateOptions& options, const std::string& role, config::Config base = {});

}  // namespace autoctl::cli
