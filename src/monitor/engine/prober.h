// The prober tries the ports of nodes under suspicion: what the engine asks of it. Engine::probed() hears the answers.
#pragma once

#include <string>

#include "common/fsm/types.h"
#include "common/protocol/membership.h"

namespace autoctl::monitor {

enum class ProbedPort : unsigned char { postgres, keeper };

struct ProbeTarget {
  std::string host;
  int postgres_port = 0;
  int keeper_port = 0;                       // 0 = none
  protocol::ShownCertificates certificates;  // by which the node is told from a stranger at its address
  friend bool operator==(const ProbeTarget&, const ProbeTarget&) = default;
};

class Prober {
 public:
  virtual ~Prober() = default;
  /// Tries both ports at once, and again and again until unwatch(). Idempotent. Never blocks.
  virtual void watch(NodeId node, const ProbeTarget& target) = 0;
  virtual void unwatch(NodeId node) = 0;
  /// Looks the host name up beforehand, so that a name server that died with the node does not delay the first try.
  virtual void prepare(const std::string& host) = 0;
};

}  // namespace autoctl::monitor
