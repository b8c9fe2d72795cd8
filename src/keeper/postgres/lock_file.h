// postmaster.pid: who runs on this data directory, where it listens and how far it has come.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace autoctl::keeper {

struct LockFile {
  pid_t pid = 0;
  int port = 0;
  std::string socket_directory;
  std::string status;  // starting, stopping, ready, standby; empty on the way up
};
/// nullopt when it is not there or only half written.
std::optional<LockFile> read_lock_file(const std::string& pgdata);
std::optional<LockFile> parse_lock_file(std::string_view text);

}  // namespace autoctl::keeper
