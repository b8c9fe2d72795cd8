// The write-ahead log of one group: a tree of timelines. What a node has is one position in it; everything from the
// root to there. Two nodes that were cut off from each other may both have made "timeline 2": the tree tells them
// apart.
#pragma once

#include <cstdint>
#include <vector>

#include "common/fsm/goal.h"

namespace autoctl::simulator {

/// The end of somebody's WAL. Branches are the simulation's own numbers; 0 is the first.
struct Position {
  std::int32_t branch = 0;
  std::uint64_t lsn = 0;
  friend bool operator==(const Position&, const Position&) = default;
};

class Timelines {
 public:
  struct Branch {
    std::int32_t parent = -1;
    std::uint64_t start = 0;
    std::uint32_t timeline = 1;
    int writer = -1;  // only this node ever wrote here
    std::vector<HistoryEntry> history;
    bool by_hand = false;  // somebody promoted it who had no right to: what is written here is promised to nobody
  };

  Timelines() : branches_(1) {}

  /// It has something that was written after a promotion by hand.
  bool strays(Position position) const;
  /// A promotion at `at`.
  Position fork(Position at, int writer);
  /// Everything that is up to `part` is also up to `whole`.
  bool contains(Position whole, Position part) const;
  /// The place at `lsn` on the way to `whole`, on the newest timeline that begins there.
  Position on_the_way(Position whole, std::uint64_t lsn) const;
  /// The last position that both passed.
  std::uint64_t last_common(Position a, Position b) const;

  Branch& operator[](std::int32_t branch) { return branches_[static_cast<std::size_t>(branch)]; }
  const Branch& operator[](std::int32_t branch) const { return branches_[static_cast<std::size_t>(branch)]; }

 private:
  std::vector<Branch> branches_;
};

}  // namespace autoctl::simulator
