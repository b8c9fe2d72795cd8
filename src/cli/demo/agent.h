// One autoctl daemon that we started, with the Postgres beside it, and all the ways in which either may come to harm.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/config/files.h"
#include "common/fsm/types.h"
#include "common/process/process.h"
#include "common/util/result.h"

namespace autoctl::demo {

struct AgentOptions {
  std::string binary;     // autoctl, absolute
  std::string name;       // "monitor", "node_1": also its directory's name and --name
  std::string directory;  // exists; PGDATA is made in it
  std::string host = "127.0.0.1";
  int pgport = 0;
  std::vector<std::string> launcher;  // words before the binary, such as nsenter's
};

/// Not thread-safe. Its destructor leaves everything running; see kill_node() and stop().
class Agent {
 public:
  explicit Agent(AgentOptions options);

  const std::string& name() const { return options_.name; }
  const std::string& host() const { return options_.host; }
  int pgport() const { return options_.pgport; }
  int api_port() const { return options_.pgport + 2000; }
  std::string pgdata() const { return options_.directory + "/" + options_.name; }
  std::string log_file() const { return options_.directory + "/" + options_.name + ".log"; }
  config::Files files() const { return config::Files(pgdata()); }

  /// `autoctl WORDS… --pgdata … --run` (create) or `autoctl run --pgdata …` in the background; output goes to
  /// log_file(). Errors: conflict when it runs already.
  Result<> create(std::vector<std::string> words);
  Result<> run();
  /// An autoctl command to its end. Errors: as run(); a non-zero exit is not an error.
  Result<Finished> command(std::vector<std::string> words, Millis timeout) const;

  bool running() const { return daemon_.running(); }
  pid_t pid() const { return running() ? daemon_.pid() : -1; }
  /// The postmaster's pid while one lives, from postmaster.pid.
  std::optional<pid_t> postmaster() const;

  /// To the daemon only; SIGKILL also waits until it is gone. Nothing happens when it does not run.
  void signal_daemon(int signal_number);
  /// To the postmaster only: its backends notice a SIGKILL themselves.
  void signal_postmaster(int signal_number) const;
  /// To the daemon, the postmaster and all its backends, the daemon first: SIGKILL is the node's death, SIGSTOP and
  /// SIGCONT freeze and thaw it.
  void signal_node(int signal_number);

  /// Whatever happened to the daemon: afterwards it runs.
  Result<> thaw_or_run();

  /// SIGTERM, then SIGKILL to what is left after `patience`. True if it went by itself.
  bool stop(Millis patience);
  /// Gets rid of it in a moment and leaves no shared memory behind: SIGKILL to the daemon, immediate shutdown of
  /// Postgres.
  void destroy();
  /// The last `lines` lines of log_file(), for a failure's message.
  std::string log_tail(int lines) const;

 private:
  Result<> spawn(std::vector<std::string> words);
  Command command_line(std::vector<std::string> words) const;

  AgentOptions options_;
  Child daemon_;
};

/// `condition` turned true before `timeout` passed; it is asked every 20 ms.
bool eventually(Millis timeout, const std::function<bool()>& condition);

/// True while `pid` exists and is not a zombie.
bool process_lives(pid_t pid);

}  // namespace autoctl::demo
