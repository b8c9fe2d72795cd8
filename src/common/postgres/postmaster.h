// The postmaster's process: started as a child or adopted, watched through a pidfd, and cleaned up after its death.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <string>

#include "common/fsm/types.h"
#include "common/process/process.h"
#include "common/util/descriptor.h"
#include "common/util/result.h"

namespace autoctl::postgres {

/// Owned by one thread; only watch_fd() and quit_now() may be called from others.
class Postmaster {
 public:
  explicit Postmaster(std::string pgdata);
  ~Postmaster() = default;  // leaves the process running
  Postmaster(const Postmaster&) = delete;
  Postmaster& operator=(const Postmaster&) = delete;

  /// Takes over the postmaster that runs on this data directory; false if there is none.
  bool adopt();
  Result<> spawn(const Command& command);

  bool running() const { return child_.running(); }
  pid_t pid() const { return child_.pid(); }
  Result<> signal(int signal_number) { return child_.signal(signal_number); }
  /// Waits for its end and reaps it; true when it is gone.
  bool wait(Millis timeout);

  /// For poll(): readable once the postmaster has ended; -1 when none runs. The number stays the same, and stays open,
  /// as long as this object lives: another thread may keep polling it while the process behind it changes.
  int watch_fd() const;
  /// SIGQUIT (and SIGCONT, should it be stopped). Thread-safe, never blocks.
  void quit_now();

  /// Kills what a dead postmaster left running on this data directory, reaps it, and removes a lock file that a
  /// recycled process id would make look valid. Only when nothing runs. Errors: system (a process will not die),
  /// timeout.
  Result<> clear_remains();
  /// Reaps backends that a dead postmaster left behind and that ended by themselves. They do no harm meanwhile.
  void reap_orphans() const;
  /// SIGCONT to those of its processes that were stopped: no order to end reaches these.
  void continue_children() const;
  /// Processes of this server but the postmaster.
  std::vector<pid_t> children() const;

 private:
  void watch(Child child);
  void unwatch();
  enum class Kind { foreign, postmaster, child };
  Kind kind_of(pid_t pid) const;

  std::string pgdata_;
  Child child_;
  Descriptor watch_fd_;
  Descriptor nothing_fd_;  // never readable: what watch_fd_ is a duplicate of when no process is watched
  std::atomic<bool> watching_{false};
};

}  // namespace autoctl::postgres
