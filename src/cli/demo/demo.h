// `autoctl demo`: a whole failover service on this machine for a minute or two, and proof of what it promises.
#pragma once

#include "common/util/exit_code.h"
#include "common/util/result.h"

namespace autoctl::demo {

struct DemoOptions {
  bool keep = false;   // leave everything running at the end
  bool citus = false;  // a coordinator and workers instead of one group
  int workers = 2;     // groups of workers
};

/// Prints to stdout. Not ok if a step failed (an error) or an acknowledged row was lost (ExitCode::unhealthy).
Result<ExitCode> run_demo(const DemoOptions& options);

}  // namespace autoctl::demo
