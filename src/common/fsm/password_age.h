// When a node makes a new replication password by itself.
#pragma once

#include <cstdint>

#include "common/fsm/types.h"

namespace autoctl {

/// Where the formation's setting password_max_age does not say otherwise: 90 days. The monitor tells keepers only of
/// settings that are not the defaults.
inline constexpr Millis password_max_age_default{std::int64_t{90} * 24 * 3'600'000};

}  // namespace autoctl
