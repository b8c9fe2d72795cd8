// One daemon per data directory: its pid in a file that stays locked while it lives, so that a recycled pid never misleads.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "common/util/result.h"

namespace autoctl {

class PidFile {
 public:
  PidFile(PidFile&& other) noexcept;
  PidFile& operator=(PidFile&&) = delete;
  ~PidFile();  // removes the file

  /// Errors: conflict (a daemon runs; its pid is in the message), system.
  static Result<PidFile> lock(const std::string& path);
  /// The pid of the daemon that holds the lock; nullopt when none does.
  static std::optional<pid_t> holder(const std::string& path);

 private:
  PidFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string path_;
  int fd_;
};

}  // namespace autoctl
