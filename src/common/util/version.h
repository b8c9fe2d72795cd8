#pragma once

#include <string_view>

namespace autoctl {

/// The program's version, from the build.
inline constexpr std::string_view program_version = AUTOCTL_VERSION;

}  // namespace autoctl
