// Copies of nodes' directories, each with a keeper that says to be the node. A keeper that was not answered does nothing
// but ask (keeper_identity_test.cpp), so a copy here is what asks, and no copy is ever answered.
#pragma once

#include <deque>
#include <vector>

#include "monitor_host.h"

namespace autoctl::simulator {

class Copies {
 public:
  Copies(Kernel& kernel, Servers& servers, std::vector<Keeper>& keepers, Post& post, const PretendedStore& store)
      : kernel_(kernel), servers_(servers), keepers_(keepers), post_(post), store_(store) {}

  /// Of what the node has on disk now. The copy is started as soon as the monitor has written down a newer link of the
  /// node's chain: before that it cannot be told from a disk that was moved, once the node is gone.
  void make(int node);
  void on_turn(const Event& event);
  /// All of them are gone.
  void end() { ++generation_; }

 private:
  struct Copy {
    int node = 0;
    Imprint imprint;
    std::uint64_t sequence = 0;
    std::uint64_t connection = 0;
    bool started = false;
  };
  bool is_outdated(const Copy& copy) const;
  void start(Copy& copy);
  void ask(Copy& copy);

  Kernel& kernel_;
  Servers& servers_;
  std::vector<Keeper>& keepers_;
  Post& post_;
  const PretendedStore& store_;
  std::deque<Copy> copies_;
  std::uint32_t generation_ = 0;
};

}  // namespace autoctl::simulator
