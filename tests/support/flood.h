// A stranger who floods ports with connections, in every way that costs something: says nothing, says it slowly, or says
// too much. It has no credential.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "lab/writing_client.h"

namespace autoctl::test {

struct FloodOptions {
  std::vector<lab::ServerAddress> targets;  // IPv4 addresses
  std::string network;                      // file of the network namespace it comes from; empty: ours
  int per_second = 1'000;                   // connections, all together, where its targets are fast enough
  std::size_t held = 1'000;                 // of these it keeps so many of each kind open
};

class Flood {
 public:
  /// Begins at once.
  explicit Flood(FloodOptions options);
  ~Flood();  // closes all connections
  Flood(const Flood&) = delete;
  Flood& operator=(const Flood&) = delete;

  /// So many were made so far.
  std::size_t connections() const { return connections_; }
  /// Of those that shook hands so many did it to the end.
  std::size_t handshakes() const { return handshakes_; }

 private:
  enum class Kind { mute, slow_handshake, handshake, slow_header, large_body };
  static constexpr int kinds = 5;

  void run(Kind kind);

  const FloodOptions options_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::size_t> connections_ = 0, handshakes_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace autoctl::test
