// A node that gets another port: Postgres can change it only by a restart.
#pragma once

#include "common/config/config.h"
#include "common/config/files.h"
#include "common/util/result.h"
#include "keeper/postgres/instance.h"

namespace autoctl::keeper {

/// Stops a Postgres that runs at another port than `config` says, whether the port was changed a moment ago or before
/// an earlier keeper was killed. The worker then starts it at the right port. In maintenance it is left alone. Blocks
/// until it has stopped. Errors: those of load_state() and Instance::stop().
Result<> leave_former_port(Instance& postgres, const config::Config& config, const config::Files& files);

}  // namespace autoctl::keeper
