// Clients that failed together must not come back together.
#pragma once

#include <chrono>

namespace autoctl {

/// Between half of the pause and all of it, by chance.
std::chrono::milliseconds some_of(std::chrono::milliseconds pause);

}  // namespace autoctl
