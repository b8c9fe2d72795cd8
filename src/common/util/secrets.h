// Making and comparing credentials.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace autoctl {

/// `bytes` random bytes of the kernel, as lower-case hex.
std::string random_hex(std::size_t bytes);

/// SHA-256 as lower-case hex.
std::string sha256_hex(std::string_view text);

/// Takes as long for any two texts of the same length, so that a wrong guess tells nothing.
bool equal_secrets(std::string_view a, std::string_view b);

}  // namespace autoctl
