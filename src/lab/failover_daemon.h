// One failover daemon with the Postgres beside it, and all the ways in which either can be harmed.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "common/process/process.h"
#include "common/util/result.h"
#include "lab/processes.h"

namespace autoctl::lab {

/// Not thread-safe. Its destructor leaves everything running; see destroy() and stop().
class FailoverDaemon {
 public:
  struct Place {
    std::string name;       // also of its directory
    std::string directory;  // exists; PGDATA is made in it
    std::string host = "127.0.0.1";
    int pgport = 0;
  };
  explicit FailoverDaemon(Place place) : place_(std::move(place)) {}

  const std::string& name() const { return place_.name; }
  const std::string& host() const { return place_.host; }
  int pgport() const { return place_.pgport; }
  const std::string& directory() const { return place_.directory; }
  std::string pgdata() const { return place_.directory + "/" + place_.name; }
  std::string log_file() const { return pgdata() + ".log"; }

  /// In the background; output is appended to log_file(). Errors: conflict when it runs already, system.
  Result<> start(Command command);
  bool running() const { return child_.running(); }
  /// It was asked to end and has not yet: wait for its end before starting it again.
  bool ending() const { return ending_ && running(); }
  /// Its exit code, -1 if a signal ended it; nullopt when it has not ended by then. Only for one that was running.
  std::optional<int> await_exit_code(Millis patience);
  /// False when it has not ended by then.
  bool await_end(Millis patience) { return !running() || child_.wait(patience).has_value(); }
  pid_t pid() const { return running() ? child_.pid() : -1; }
  /// The postmaster's pid while one lives, from postmaster.pid.
  std::optional<pid_t> postmaster() const;

  /// To the daemon and its helpers, but not to Postgres; SIGKILL also waits until it is gone. Nothing happens when it
  /// does not run.
  void signal_daemon(int signal_number);
  /// To the postmaster only: its backends notice a SIGKILL themselves.
  void signal_postmaster(int signal_number) const;
  /// To the daemon, the postmaster and all its backends, the daemon first: SIGKILL is the node's death, SIGSTOP and
  /// SIGCONT freeze and thaw it.
  void signal_node(int signal_number);

  /// SIGTERM, then SIGKILL to what is left after `patience`. True if daemon and Postgres went by themselves.
  bool stop(Millis patience);
  /// Ends it at once and leaves no shared memory behind: SIGKILL to the daemon, immediate shutdown of Postgres.
  void destroy();
  /// The last `lines` lines of log_file(), for a failure's message.
  std::string log_tail(int lines) const;

 private:
  Place place_;
  Child child_;
  bool ending_ = false;
};

}  // namespace autoctl::lab
