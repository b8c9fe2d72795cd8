// The monitor's decisions, each looked for once: worlds by the million share a few thousand states of the monitor.
#pragma once

#include <cstring>
#include <optional>
#include <unordered_map>
#include <vector>

#include "monitor_model.h"

namespace autoctl::explorer {

/// decide() with a memory.
class Decisions {
 public:
  /// `worker`: the group's statements come through a coordinator, of which anything may be believed. `any_weather`: so
  /// may all that faults do (weather.h).
  Decisions(Rules rules, int nodes, bool worker, bool any_weather)
      : rules_(std::move(rules)), nodes_(nodes), worker_(worker), any_weather_(any_weather) {}
  /// The decision that this belief leads to.
  const std::optional<SimDecision>& under(const SimMonitor& monitor, const Belief& belief);
  /// All different decisions that any belief leads to.
  const std::vector<SimDecision>& under_any_belief(const SimMonitor& monitor);
  const SimRoute& route(const SimMonitor& monitor, const Belief& belief);
  std::size_t monitor_states() const { return any_.size(); }

 private:
  std::vector<SimDecision> in_any_weather(const SimMonitor& monitor) const;
  struct Key {
    SimMonitor monitor;
    std::array<std::uint8_t, 3> belief;
  };
  struct SameBytes {
    template <class T>
    bool operator()(const T& a, const T& b) const {
      return std::memcmp(&a, &b, sizeof a) == 0;
    }
  };
  struct Hash {
    template <class T>
    std::size_t operator()(const T& key) const {
      return hash_bytes(&key, sizeof key);
    }
  };

  Rules rules_;
  int nodes_;
  bool worker_;
  bool any_weather_;
  std::unordered_map<Key, std::optional<SimDecision>, Hash, SameBytes> one_;
  std::unordered_map<Key, SimRoute, Hash, SameBytes> routes_;
  std::unordered_map<SimMonitor, std::vector<SimDecision>, Hash, SameBytes> any_;
};

}  // namespace autoctl::explorer
