// A decision as rows to write and events to tell.
#pragma once

#include <chrono>

#include "monitor/engine/model.h"
#include "monitor/engine/store.h"

namespace autoctl::monitor {

/// `wall` dates the events.
Change change_of(const Group& group, const Decision& decision, std::chrono::system_clock::time_point wall);

}  // namespace autoctl::monitor
