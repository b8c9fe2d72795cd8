// Who reaches whom. Each direction of each link can be cut until some time; messages that arrive meanwhile are lost.
#pragma once

#include <algorithm>
#include <vector>

#include "event_queue.h"

namespace autoctl::simulator {

class PretendedNetwork {
 public:
  void resize(int nodes, int group_size) {
    group_size_ = group_size;
    links_.assign(static_cast<std::size_t>(nodes * group_size), 0);
    to_monitor_.assign(static_cast<std::size_t>(nodes), 0);
    from_monitor_.assign(static_cast<std::size_t>(nodes), 0);
    isolated_.assign(static_cast<std::size_t>(nodes), 0);
  }
  /// Nodes of one group have links of their own; others reach each other unless one of them is isolated.
  bool open(int from, int to, Micros now) const {
    if (from / group_size_ == to / group_size_) return links_[at(from, to)] <= now;
    return isolated_[static_cast<std::size_t>(from)] <= now && isolated_[static_cast<std::size_t>(to)] <= now;
  }
  bool open_to_monitor(int node, Micros now) const { return to_monitor_[static_cast<std::size_t>(node)] <= now; }
  bool open_from_monitor(int node, Micros now) const { return from_monitor_[static_cast<std::size_t>(node)] <= now; }

  void cut(int from, int to, Micros until) { extend(links_[at(from, to)], until); }
  void cut_to_monitor(int node, Micros until) { extend(to_monitor_[static_cast<std::size_t>(node)], until); }
  void cut_from_monitor(int node, Micros until) { extend(from_monitor_[static_cast<std::size_t>(node)], until); }
  /// From the nodes of other groups.
  void isolate(int node, Micros until) { extend(isolated_[static_cast<std::size_t>(node)], until); }
  void heal() {
    for (auto* links : {&links_, &to_monitor_, &from_monitor_, &isolated_}) std::ranges::fill(*links, 0);
  }

 private:
  std::size_t at(int from, int to) const { return static_cast<std::size_t>(from * group_size_ + to % group_size_); }
  static void extend(Micros& link, Micros until) { link = std::max(link, until); }

  int group_size_ = 1;
  std::vector<Micros> links_, to_monitor_, from_monitor_, isolated_;
};

}  // namespace autoctl::simulator
