// A set of worlds of which only 64-bit fingerprints are kept: one world in some 10^11 could be taken for another.
#pragma once

#include <cstdint>
#include <vector>

#include "world.h"

namespace autoctl::explorer {

class FingerprintSet {
 public:
  FingerprintSet() : slots_(std::size_t{1} << 12U) {}

  /// True if it is new.
  bool insert(const World& world) {
    if (size_ * 2 >= slots_.size()) grow();
    const std::uint64_t print = fingerprint(world);
    const std::size_t slot = find(print);
    if (slots_[slot] != 0) return false;
    slots_[slot] = print;
    ++size_;
    return true;
  }
  bool contains(const World& world) const { return slots_[find(fingerprint(world))] != 0; }
  std::size_t size() const { return size_; }

 private:
  static std::uint64_t fingerprint(const World& world) {
    const std::uint64_t hash = hash_bytes(&world, sizeof world);
    return hash != 0 ? hash : 1;  // 0 is a free slot
  }
  /// The slot that holds it, or the free one where it belongs.
  std::size_t find(std::uint64_t print) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = print & mask;
    while (slots_[slot] != 0 && slots_[slot] != print) slot = (slot + 1) & mask;
    return slot;
  }
  void grow() {
    std::vector<std::uint64_t> before(slots_.size() * 2, 0);
    before.swap(slots_);
    for (const std::uint64_t print : before)
      if (print != 0) slots_[find(print)] = print;
  }

  std::vector<std::uint64_t> slots_;  // open addressing
  std::size_t size_ = 0;
};

}  // namespace autoctl::explorer
