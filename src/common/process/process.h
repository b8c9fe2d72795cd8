// Child processes: started with a clean environment of signals, in a group of their own, seen through a pidfd.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/util/result.h"

namespace autoctl {

struct Command {
  std::vector<std::string> argv;               // argv[0] is an absolute path
  std::map<std::string, std::string> env;      // added to the parent's environment
  std::string working_directory;               // empty = the parent's
  std::string output_file;                     // stdout and stderr are appended here; empty = captured
};

struct Finished {
  int exit_code = -1;      // -1 when a signal ended it
  int signal = 0;
  std::string output;      // captured stdout and stderr, the last 64 kB
  bool ok() const { return exit_code == 0; }
};

/// A running child. Its destructor leaves the child running; only wait()/kill() end it.
class Child {
 public:
  Child() = default;
  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;
  ~Child();

  /// fork + exec: own process group, default signal dispositions, nothing blocked, no inherited descriptors but 0-2.
  static Result<Child> spawn(const Command& command);
  /// A process that is not our child but shall be watched (a postmaster that outlived its keeper).
  static Result<Child> adopt(pid_t pid);

  pid_t pid() const { return pid_; }
  /// Becomes readable when the process has ended; for poll(). -1 when there is no process.
  int pidfd() const { return pidfd_; }
  bool running() const;
  /// Through the pidfd: never hits a recycled pid. Never blocks.
  Result<> signal(int signal_number) const;
  /// Reaps it. nullopt while it still runs at the deadline. For an adopted process exit_code is -1.
  std::optional<Finished> wait(std::chrono::milliseconds timeout);

 private:
  pid_t pid_ = -1;
  int pidfd_ = -1;
  int output_fd_ = -1;
  bool is_child_ = false;
  std::string output_;
};

/// Runs to the end. The child is killed (its whole group) when `timeout` passes or `cancelled` turns true (asked every 50 ms).
/// `on_line` sees each line of output as it comes. Errors: system (cannot start), timeout, unavailable (cancelled).
/// A non-zero exit is not an error here.
Result<Finished> run(const Command& command, std::chrono::milliseconds timeout,
                     const std::function<bool()>& cancelled = {},
                     const std::function<void(const std::string&)>& on_line = {});

/// Orphaned grandchildren become ours to reap (PR_SET_CHILD_SUBREAPER): a dead postmaster's backends.
Result<> become_subreaper();
/// Pids of our direct children, from /proc.
std::vector<pid_t> list_children();

}  // namespace autoctl
