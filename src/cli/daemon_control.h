// The daemon of a data directory, seen from outside: is it there, signal it, wait for its end.
#pragma once

#include <sys/types.h>

#include <string>

#include "common/config/files.h"
#include "common/fsm/types.h"
#include "common/util/result.h"

namespace autoctl::cli {

/// Errors: denied when it belongs to another user, system.
Result<> signal_daemon(pid_t pid, int signal_number);

struct ReloadAnswer {
  std::string text;  // a line for each thing that has changed, waits for a restart or has failed
  bool good = true;  // nothing was refused, nothing has failed
};
/// The daemon `pid` of `files` reads its configuration again. Errors: of signal_daemon(); timeout (no answer in 15 s).
Result<ReloadAnswer> reload_daemon(const config::Files& files, pid_t pid);

/// Waits until the lock is gone, with a line of progress now and then. Errors: timeout.
Result<> await_daemon_end(const config::Files& files, pid_t pid, Millis timeout);

}  // namespace autoctl::cli
