// One daemon per data directory: a file with its pid, locked while it lives. Only the lock counts, not the number: the
// lock goes away with the process, however that ends.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "common/util/descriptor.h"
#include "common/util/result.h"

namespace autoctl {

/// Holds the lock until it is destroyed; the file stays behind, unlocked.
class PidFile {
 public:
  /// Errors: conflict (another daemon holds it; its pid is in the message), system.
  static Result<PidFile> acquire(const std::string& path);

 private:
  explicit PidFile(Descriptor file) : file_(std::move(file)) {}
  Descriptor file_;
};

/// The pid of the daemon that holds the lock; nullopt when none does. Takes no lock itself. Errors: system.
Result<std::optional<pid_t>> locked_pid(const std::string& path);

}  // namespace autoctl
