// Directories and ports of a test's own.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <thread>

#include "common/postgres/port_check.h"

namespace autoctl::test {

class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string name = "/tmp/autoctl-test-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Its name is taken, in this network namespace, until this process ends.
inline bool claim(int port) {
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = "autoctl-test-port-" + std::to_string(port);
  name.copy(address.sun_path + 1, name.size());
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return true;
  ::close(fd);
  return false;
}

/// Nobody listens there, no test beside this one is given it, and it is below those that outgoing connections take.
inline int free_port() {
  static std::mt19937 random{std::random_device{}()};
  for (;;) {
    const int port = std::uniform_int_distribution{20'000, 32'000}(random);
    if (claim(port) && postgres::check_port_free("127.0.0.1", port)) return port;
  }
}

/// Waits for a condition, looking often; false when it has not come true in time.
template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds patience = std::chrono::seconds(20)) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace autoctl::test
