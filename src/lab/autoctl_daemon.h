// An autoctl daemon, monitor or keeper, and the commands that a user would type for it.
#pragma once

#include <string>
#include <vector>

#include "common/config/files.h"
#include "lab/failover_daemon.h"

namespace autoctl::lab {

struct Tool {
  std::string binary;                 // autoctl, absolute
  std::vector<std::string> launcher;  // words before it, such as nsenter's
};

class AutoctlDaemon : public FailoverDaemon {
 public:
  /// `role` is what `create` is told to make: monitor, postgres, coordinator, worker.
  AutoctlDaemon(Tool tool, Place place, std::string role = "postgres")
      : FailoverDaemon(std::move(place)), tool_(std::move(tool)), role_(std::move(role)) {}

  const std::string& role() const { return role_; }

  int api_port() const { return pgport() + 2000; }
  config::Files files() const { return config::Files(pgdata()); }

  /// `autoctl WORDS… --run --pgdata …` (create) or `autoctl run --pgdata …` in the background. Errors: those of
  /// start().
  Result<> create(std::vector<std::string> words);
  Result<> run();
  /// Afterwards the daemon runs, whatever happened to it before.
  Result<> thaw_or_run();

 private:
  Command command(const std::vector<std::string>& words) const;

  Tool tool_;
  std::string role_;
};

/// Names of environment variables that belong to another cluster: libpq's and autoctl's.
std::vector<std::string> foreign_variables();

}  // namespace autoctl::lab
