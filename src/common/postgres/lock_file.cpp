#include "common/postgres/lock_file.h"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <sstream>

#include "common/config/files.h"
#include "common/postgres/proc.h"

namespace autoctl::postgres {

std::optional<LockFile> parse_lock_file(std::string_view text) {
  std::array<std::string, 8> lines;
  for (auto& line : lines) {
    const auto end = text.find('\n');
    line = text.substr(0, end);
    while (line.ends_with(' ')) line.pop_back();
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  LockFile lock;
  lock.pid = std::abs(std::atoi(lines[0].c_str()));  // negative: a single-user server
  if (lock.pid <= 0) return std::nullopt;            // 1 is possible: a container whose first process it was
  lock.port = std::atoi(lines[3].c_str());
  lock.socket_directory = lines[4];
  lock.status = lines[7];
  return lock;
}

std::optional<LockFile> read_lock_file(const std::string& pgdata) {
  const auto text = config::read_file(pgdata + "/postmaster.pid");
  return text ? parse_lock_file(*text) : std::nullopt;
}

namespace {

void remove_stale_socket_lock(const std::string& socket_directory, int port) {
  const std::string socket = socket_directory + "/.s.PGSQL." + std::to_string(port);
  const auto text = config::read_file(socket + ".lock");
  if (!text) return;
  const auto lock = parse_lock_file(*text);
  if (!lock || !proc::stat(lock->pid) || proc::is_postgres(lock->pid)) return;
  ::unlink((socket + ".lock").c_str());
  ::unlink(socket.c_str());
}

}  // namespace

void remove_stale_socket_locks(const std::string& socket_directories, int port) {
  std::istringstream list(socket_directories);
  std::string directory;
  while (std::getline(list >> std::ws, directory, ',')) remove_stale_socket_lock(directory, port);
}

}  // namespace autoctl::postgres
