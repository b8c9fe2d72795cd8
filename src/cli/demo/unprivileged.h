// Postgres refuses to run as root, so the demonstration drops root before it starts anything.
#pragma once

#include <string>

#include "common/util/result.h"
#include "lab/cluster.h"

namespace autoctl::demo {

/// Where the demonstration happens, and the autoctl that it runs.
struct Stage {
  lab::ScratchDirectory scratch;
  std::string binary;
  std::string user;  // the user that root became; empty if the process was not root
};

/// Makes the scratch directory. As root: becomes `postgres`, or `nobody` where there is no such user, for good, with a
/// copy of this program that this user can run (it may lie in /root). Call it while the process has one thread.
Result<Stage> set_stage();

}  // namespace autoctl::demo
