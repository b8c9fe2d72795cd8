// postmaster.pid: which server runs on this data directory, where it listens, and how far it has started.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace autoctl::postgres {

struct LockFile {
  pid_t pid = 0;
  int port = 0;
  std::string socket_directory;
  std::string status;  // starting, stopping, ready, standby; empty on the way up
};
/// nullopt when it is not there or only half written.
std::optional<LockFile> read_lock_file(const std::string& pgdata);
std::optional<LockFile> parse_lock_file(std::string_view text);

/// Removes the lock file beside a server's socket when the process that it names exists but is not a living Postgres:
/// the server would trust the file and not start. This happens in containers, where process ids are small and come
/// again, or where no process reaps a dead postmaster. `socket_directories` is what the setting unix_socket_directories
/// says.
void remove_stale_socket_locks(const std::string& socket_directories, int port);

}  // namespace autoctl::postgres
