// State and events of a formation, drawn again and again: `watch`, and `show state --watch`.
#pragma once

#include "cli/options.h"
#include "common/util/exit_code.h"
#include "common/util/result.h"

namespace autoctl::cli {

struct WatchOptions {
  MonitorTarget target;
  Scope scope;
  int count = 10;                 // events on a screen
  double interval_seconds = 0.5;  // between two refreshes
  bool wait = false;              // for a monitor that cannot be reached yet
  bool json = false;              // one object a line, in place of screens
};

/// Until Ctrl-C; once where stdout is no terminal. Errors: those of connect_monitor().
Result<ExitCode> watch(const WatchOptions& options);

}  // namespace autoctl::cli
