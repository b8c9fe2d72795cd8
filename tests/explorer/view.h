// What one keeper can see of a world: all that its next piece of work depends on.
#pragma once

#include <type_traits>

#include "world.h"

namespace autoctl::explorer {

struct View {
  SimNode self;                  // positions apart: its log and its timeline are left out
  SimGoal told;                  // the monitor's word, if `is_told`
  std::uint8_t node = 0;         // which one it is
  std::uint8_t size = 0;         // of the group
  std::uint8_t streaming = 0;    // standbys that stream from it, a bit each
  std::uint8_t caught_up = 0;    // and have flushed all that was written before this moment
  bool is_told = false;          // the monitor's answer holds a newer goal
  bool is_leased = false;        // the monitor has answered a moment ago
  bool lease_is_over = false;    // though it may have: it has told another node to lead
  bool strict_lease = false;     // a primary that waits for no standby needs one, whatever streams
  bool receives = false;         // it streams
  bool upstream_serves = false;  // the goal's upstream runs as a primary and can be reached
  bool fits_upstream = false;    // run as its standby it would stream
  bool has_what_awaits = false;  // what the goal's await_lsn asks for
};
static_assert(std::has_unique_object_representations_v<View>, "views are compared and hashed as bytes");

/// `hears`: the monitor's answer has come, with the goal that it holds for this node.
View view_of(const World& world, int node, bool hears = false);

}  // namespace autoctl::explorer
