// Child processes: started with default signal handling, in a session of their own, watched through a pidfd.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/util/descriptor.h"
#include "common/util/result.h"

namespace autoctl {

struct Command {
  std::vector<std::string> argv;           // argv[0] is an absolute path
  std::map<std::string, std::string> env;  // added to the parent's environment
  std::vector<std::string> without_env;    // names that are not inherited
  std::string working_directory;           // empty = the parent's
  std::string output_file;                 // stdout and stderr are appended here; empty = captured
  bool dies_with_parent = false;           // SIGKILLed when the thread that started it ends (a killed daemon included)
};

struct Finished {
  int exit_code = -1;  // -1 when a signal ended it
  int signal = 0;
  std::string output;  // captured stdout and stderr, the last 64 kB
  bool ok() const { return exit_code == 0; }
};

using LineSink = std::function<void(const std::string&)>;

/// A running child. Its destructor leaves the child running; only wait()/kill() end it.
class Child {
 public:
  Child() = default;
  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;
  ~Child() = default;

  /// fork + exec: a session and process group of its own, stdin from /dev/null, default signal dispositions, nothing
  /// blocked, no inherited descriptors but 0-2, and nothing of the service manager's (NOTIFY_SOCKET, …). Errors:
  /// system.
  static Result<Child> spawn(const Command& command);
  /// A process that this one did not start but has to watch (a postmaster that outlived its keeper). Check what it is
  /// *after* this call: as long as running() then says true, /proc/<pid> spoke of the same process. Errors: not_found,
  /// system.
  static Result<Child> adopt(pid_t pid);

  pid_t pid() const { return pid_; }
  /// Becomes readable when the process has ended; for poll(). -1 when there is no process.
  int pidfd() const { return pidfd_.get(); }
  bool running() const;
  /// Through the pidfd: never hits a recycled pid. Never blocks. Errors: not_found (it has ended), system.
  Result<> signal(int signal_number) const;
  /// The same to its whole process group; only until it is reaped.
  void signal_group(int signal_number) const;
  /// Reaps it. nullopt while it still runs at the deadline. `on_line` sees each captured line as it comes. When the
  /// process is not ours to reap, exit_code is -1.
  std::optional<Finished> wait(std::chrono::milliseconds timeout, const LineSink& on_line = {});

 private:
  void drain(const LineSink& on_line);
  Finished reap();

  pid_t pid_ = -1;
  Descriptor pidfd_;
  Descriptor output_fd_;
  std::string output_;
  std::string partial_line_;
};

/// Runs to the end. The child is killed (its whole group) when `timeout` passes or `cancelled` turns true (asked every
/// 50 ms), and with this process if that dies. `on_line` sees each line of output as it comes. Errors: system (cannot
/// start), timeout, unavailable (cancelled). A non-zero exit is not an error here.
Result<Finished> run(const Command& command, std::chrono::milliseconds timeout,
                     const std::function<bool()>& cancelled = {}, const LineSink& on_line = {});

/// Orphaned grandchildren, a dead postmaster's backends, become children of this process (PR_SET_CHILD_SUBREAPER).
Result<> become_subreaper();
/// Pids of our direct children, zombies included, from /proc.
std::vector<pid_t> list_children();

}  // namespace autoctl
