// Many pretended keepers in one process: each holds a report open at the monitor over a TLS connection of its own, as a
// real keeper does, and says that it has reached every goal at once. Nothing is behind them but two ports that answer.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "common/fsm/types.h"
#include "common/util/result.h"

namespace autoctl::test {

struct CrowdOptions {
  std::string host = "127.0.0.1";  // of the monitor's API
  int port = 0;
  std::string ca_pem;
  std::string token;  // the operator's; may be empty with --auth trust
  int nodes = 2500;   // two to a formation
  int ports = 4000;   // every node has an address of its own, with this port and the next one
};

/// What became of the reports that left since the last look. Times are in milliseconds.
struct CrowdCounts {
  std::size_t connections = 0;  // with a finished TLS handshake
  std::size_t answers = 0;      // the monitor took the report in
  std::size_t shed = 0;         // 503: it had no time
  std::size_t refused = 0;      // any other status
  std::size_t timeouts = 0;     // nothing came for as long as a keeper waits
  std::size_t broken = 0;       // the connection could not be made, or ended
  std::vector<int> waits;       // of the answers: from sending the report to its answer, ascending
  int wait(double part) const;  // the wait that this part of all answers did not exceed
};

class Crowd {
 public:
  explicit Crowd(CrowdOptions options);
  ~Crowd();  // leaves
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  /// Makes the formations and registers the nodes, some at a time; each reports from then on. A monitor that has no
  /// time is asked again until the deadline. Errors: of the monitor.
  Result<> join(TimePoint deadline);
  std::size_t joined() const;
  /// All connections end at once, and the ports refuse.
  void leave();
  /// Since the last call; thread-safe.
  CrowdCounts counts();
  /// How many have been told that they are primary or secondary, and say so.
  std::size_t at_rest() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace autoctl::test
