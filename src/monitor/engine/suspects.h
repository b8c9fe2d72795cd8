// Those that were not heard as they should have been: their ports are tried, and the others are asked about them.
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
  /// It is not ours any more.
  void forget(NodeId id);
  /// Its host's address will be needed one day.
  void prepare(const std::string& host) { prober_.prepare(host); }

 private:
  Prober& prober_;
  std::set<NodeId> watched_;
};

}  // namespace autoctl::monitor
