// A monitor that loses sight of most nodes at once suspects itself (docs/safety-rules.md, rule 5). This is kept up to
// date node by node: all nodes are looked at only when time alone may have changed something.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_set>

#include "monitor/engine/model.h"

namespace autoctl::monitor {

class Trust {
 public:
  /// Must outlive it.
  explicit Trust(const Model& model) : model_(model) {}

  /// Something new is known about this node.
  void heard(const Group& group, const Node& node, TimePoint now);
  /// All measurements have begun anew.
  void forget() { look_at_ = TimePoint::min(); }
  /// Does the monitor see enough?
  bool judge(TimePoint now);

  std::size_t nodes() const { return nodes_; }
  std::size_t out_of_sight() const { return out_.size(); }

 private:
  void look(TimePoint now);

  const Model& model_;
  std::unordered_set<NodeId> out_;
  std::size_t nodes_ = 0;                     // that should report
  TimePoint look_at_ = TimePoint::min();      // no node goes out of sight before
  std::uint64_t roster_ = ~std::uint64_t{0};  // of the model at the last look
};

}  // namespace autoctl::monitor
