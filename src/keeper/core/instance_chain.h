// Who this keeper is, so that the monitor can tell it from a copy of it (docs/operations/twins.md). Pure: links are drawn
// at random, and written to the disk, by the shell.
#pragma once

#include <string>

#include "common/fsm/types.h"
#include "common/protocol/membership.h"

namespace autoctl::keeper {

class InstanceChain {
 public:
  /// `saved` as it was found on disk; this keeper runs at `place`. The first link is to be saved before any report.
  InstanceChain(protocol::Instance saved, std::string place);

  /// The chain with one link more, to be saved.
  protocol::Instance with_link(std::string id) const;
  /// What with_link() gave is on disk: reports carry it from now on.
  void saved(protocol::Instance instance, TimePoint now);
  /// The monitor knows the newest link, and that has served its time.
  bool wants_link(TimePoint now) const { return now >= next_link_at(); }
  TimePoint next_link_at() const;

  /// For the next report.
  protocol::Instance current() const;
  /// A report that carried this link was answered. Other links than the newest prove nothing any more.
  void confirmed(const std::string& id);
  /// The node was last known at another place: this directory was copied or moved.
  bool is_elsewhere() const { return !instance_.place.empty() && instance_.place != place_; }

 private:
  protocol::Instance instance_;  // as on disk, but for what the monitor has confirmed since
  const std::string place_;
  TimePoint linked_at_;
};

}  // namespace autoctl::keeper
