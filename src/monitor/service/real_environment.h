// The daemon's clocks, randomness and log, for its engine.
#pragma once

#include "monitor/engine/environment.h"

namespace autoctl::monitor {

Environment real_environment();

}  // namespace autoctl::monitor
