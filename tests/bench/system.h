// A failover system under measurement: what the scenarios need to know of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lab/failover_daemon.h"
#include "lab/writing_client.h"

namespace autoctl::bench {

/// Processes whose cost is measured at rest.
struct Part {
  std::string name;             // "keeper", "monitor", "monitor's Postgres"
  pid_t root = -1;              // with everything below
  std::optional<pid_t> except;  // a subtree that does not count
};

/// One primary and its standbys, one unless the system can do more, with their daemons, at default settings, on
/// loopback. Not thread-safe.
class System {
 public:
  virtual ~System() = default;

  virtual std::string name() const = 0;
  /// Starts everything and returns when both nodes are in place. `directory` exists.
  virtual Result<> start(const std::string& directory) = 0;
  /// Asks for a planned switchover as its user would, and returns when the tool has.
  virtual Result<> switchover() = 0;
  /// Starts the daemon of a node again that was killed.
  virtual Result<> restart(lab::FailoverDaemon& node) = 0;
  /// The monitor's own word that it could fail over now; the streaming standby is checked by the caller.
  virtual bool ready() = 0;
  virtual std::vector<lab::FailoverDaemon*> nodes() = 0;
  virtual std::vector<Part> parts() = 0;

  std::vector<lab::ServerAddress> servers();
  /// The node that is not in recovery; null if none or several answer so.
  lab::FailoverDaemon* primary();
  /// ready(), one primary, and the other node streams from it. False after `timeout`.
  bool wait_settled(Millis timeout);
};

std::unique_ptr<System> make_autoctl(int nodes);
std::unique_ptr<System> make_pg_auto_failover();
std::unique_ptr<System> make_patroni();

/// True when the program is in $PATH.
bool installed(const std::string& program);
/// A command in the background environment that all systems share: no foreign variables, Postgres' tools in $PATH.
Command tool(const std::vector<std::string>& argv);
/// tool() to its end; a non-zero exit is an error with the output's end.
Result<std::string> run_tool(const std::vector<std::string>& argv, Millis timeout);

}  // namespace autoctl::bench
