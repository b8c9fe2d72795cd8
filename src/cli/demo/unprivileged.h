// Postgres refuses to run as root, so the demonstration gives root away before it starts anything.
#pragma once

#include <string>

#include "common/util/result.h"
#include "lab/cluster.h"

namespace autoctl::demo {

/// Where the demonstration happens, and the autoctl that it runs.
struct Stage {
  lab::ScratchDirectory scratch;
  std::string binary;
  std::string user;  // whom root became; empty if we were not root
};

/// Makes the scratch directory. As root: becomes `postgres`, or `nobody` where there is no such user, for good, with a
/// copy of this program that this user can run (it may lie in /root). Call it while the process has one thread.
Result<Stage> set_stage();

}  // namespace autoctl::demo
