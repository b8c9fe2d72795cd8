// The prober of the daemon: real sockets, from one thread; names are resolved in another.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/fsm/goal.h"
#include "monitor/engine/prober.h"

namespace autoctl::monitor {

class SocketProber final : public Prober {
 public:
  /// Called on the prober's thread.
  using Found = std::function<void(NodeId node, ProbedPort port, PortState state)>;
  explicit SocketProber(Found found);
  ~SocketProber() override;

  void watch(NodeId node, const ProbeTarget& target) override;
  void unwatch(NodeId node) override;
  void prepare(const std::string& host) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace autoctl::monitor
