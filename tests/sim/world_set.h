// A set of worlds, numbered in the order in which they came in.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "world.h"

namespace autoctl::sim {

class WorldSet {
 public:
  WorldSet() : slots_(std::size_t{1} << 12U) {}

  /// Its number, and whether it is new.
  std::pair<std::uint32_t, bool> insert(const World& world) {
    if (worlds_.size() * 2 >= slots_.size()) grow();
    const std::size_t slot = find(world);
    if (slots_[slot] != 0) return {slots_[slot] - 1, false};
    worlds_.push_back(world);
    slots_[slot] = static_cast<std::uint32_t>(worlds_.size());
    return {slots_[slot] - 1, true};
  }
  bool contains(const World& world) const { return slots_[find(world)] != 0; }
  std::size_t size() const { return worlds_.size(); }
  const World& operator[](std::uint32_t number) const { return worlds_[number]; }

 private:
  /// The slot that holds it, or the free one where it belongs.
  std::size_t find(const World& world) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = hash_bytes(&world, sizeof world) & mask;
    while (slots_[slot] != 0 && !(worlds_[slots_[slot] - 1] == world)) slot = (slot + 1) & mask;
    return slot;
  }
  void grow() {
    slots_.assign(slots_.size() * 4, 0);
    for (std::uint32_t i = 0; i < worlds_.size(); ++i) slots_[find(worlds_[i])] = i + 1;
  }

  std::vector<World> worlds_;
  std::vector<std::uint32_t> slots_;  // open addressing; 0 = free, else number + 1
};

}  // namespace autoctl::sim
