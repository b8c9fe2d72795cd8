// The monitor's own small Postgres: made, configured, started, adopted and stopped. Knows nothing of the schema in it.
#pragma once

#include <functional>
#include <string>

#include "common/config/config.h"
#include "common/fsm/types.h"
#include "common/postgres/conf_file.h"
#include "common/postgres/postmaster.h"
#include "common/postgres/tools.h"
#include "common/util/result.h"

namespace autoctl::monitor {

/// Not thread-safe.
class OwnPostgres {
 public:
  static constexpr const char* database = "pg_auto_failover";
  /// Called every few tens of milliseconds while something takes long; true = give up.
  using Cancelled = std::function<bool()>;

  OwnPostgres(config::Config config, config::Files files, postgres::Tools tools);

  /// For the next configure(). Port and socket directory must be those of the running server.
  void set_config(config::Config config) { config_ = std::move(config); }

  /// initdb into an empty or missing directory. Errors: postgres, system (disk full), timeout.
  Result<> initdb();
  /// Writes our include file and the marked HBA block. Idempotent; the server reads them at its next start or reload().
  Result<> configure();
  /// Adopts the server that runs on this directory (restarts it if its port has changed), or starts one, and waits
  /// until it takes connections. Errors: conflict (port in use), postgres (its last log lines), unavailable
  /// (cancelled).
  Result<> start(const Cancelled& cancelled);
  /// Creates database pg_auto_failover, without its role, if it does not exist yet.
  Result<> create_database();
  Result<> reload();
  /// Fast; after `patience` immediate, then SIGKILL. Returns when it is gone.
  Result<> stop(Millis patience);

  bool running() const { return postmaster_.running(); }
  /// It does not run, and somebody has stopped it in order: it did not crash.
  bool was_stopped() const;
  /// For poll(): readable once the server has died; -1 when none runs.
  int watch_fd() const { return postmaster_.watch_fd(); }
  /// For connections of our own, over the Unix socket as the superuser.
  std::string conninfo(const std::string& dbname) const;

 private:
  Result<> spawn();
  bool listens_elsewhere() const;
  Result<> wait_until_ready(const Cancelled& cancelled);
  Error start_failure() const;
  postgres::ServerSettings settings() const;
  std::string hba_lines() const;

  config::Config config_;
  config::Files files_;
  postgres::Tools tools_;
  postgres::Postmaster postmaster_;
};

}  // namespace autoctl::monitor
