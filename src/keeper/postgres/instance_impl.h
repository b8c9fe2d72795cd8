// What the members of Instance share. Private to src/keeper/postgres.
#pragma once

#include <optional>
#include <string>

#include "keeper/postgres/control_data.h"
#include "keeper/postgres/include_file.h"
#include "keeper/postgres/instance.h"
#include "keeper/postgres/layout.h"
#include "keeper/postgres/postmaster.h"
#include "keeper/postgres/session.h"

namespace autoctl::keeper {

/// The replication role's name, the same in every formation.
inline constexpr const char* replication_role = "pgautofailover_replicator";

Result<ControlData> read_control_data(const Tools& tools, const std::string& pgdata);

struct Instance::Impl {
  Impl(config::Config c, config::Files f, Tools t)
      : config(std::move(c)), files(std::move(f)), tools(std::move(t)), postmaster(files.pgdata), session(files.pgdata) {}

  config::Config config;
  config::Files files;
  Tools tools;
  Postmaster postmaster;
  Session session;
  Timeline seen_timeline;  // the highest that this postmaster's WAL receiver was seen on

  Layout layout() const { return find_layout(files.pgdata, tools.major); }

  /// Brings our include file and what would override it up to date: what is computed from the machine, the configuration and
  /// pg_control, and `changes`. True when a file changed.
  Result<bool> write_settings(const Settings& changes);
  Result<> ensure_config_files(const Layout& layout) const;
  Result<bool> reset_overrides(const Layout& layout, const Settings& ours);
  Result<> reload_and_await(const std::string& name, const std::string& value, Millis timeout);
  Result<> await_wal_processes(Millis timeout);

  /// How standbys, pg_basebackup and pg_rewind reach another node; no secret in it.
  std::string conninfo(const protocol::Peer& upstream) const;

  Result<> await_ready(std::size_t log_start, const Cancelled& cancelled);
  Error startup_error(std::size_t log_start) const;
  Result<> check_port() const;
};

}  // namespace autoctl::keeper
