// Nodes that were not heard as they should have been: the monitor tries their ports and asks the other nodes about
// them.
#pragma once

#include <set>
#include <string>

#include "monitor/engine/model.h"
#include "monitor/engine/prober.h"

namespace autoctl::monitor {

class Suspects {
 public:
  explicit Suspects(Prober& prober) : prober_(prober) {}

  void look_after(Group& group, const Settings& settings, TimePoint now);
  /// The node has left.
  void forget(NodeId id);
  /// Resolves the host's name beforehand.
  void prepare(const std::string& host) { prober_.prepare(host); }

 private:
  Prober& prober_;
  std::set<NodeId> watched_;
};

}  // namespace autoctl::monitor
