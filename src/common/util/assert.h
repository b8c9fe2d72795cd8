// Checks that stay on in every build: where going on would lose data, the daemon ends, is started again by its
// supervisor, and begins from what is on disk.
#pragma once

#include <string>

namespace autoctl {

/// Writes what was seen as one line, to the log if there is one (on_assertion_failed) and to stderr otherwise, and
/// aborts the process. Called by AUTOCTL_ASSERT only.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line, const std::string& seen);

/// Where that line goes from now on; nullptr: to stderr. `write` may be called from any thread, once.
void on_assertion_failed(void (*write)(const std::string& line));

}  // namespace autoctl

/// `seen` is an expression that yields a std::string: what the condition was computed from, for whoever reads the log.
/// It is evaluated only when the condition is false. Neither may have effects.
#define AUTOCTL_ASSERT(condition, seen) \
  (static_cast<bool>(condition) ? void(0) : ::autoctl::assertion_failed(#condition, __FILE_NAME__, __LINE__, (seen)))
