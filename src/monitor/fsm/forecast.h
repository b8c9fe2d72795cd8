// Which node would take over if the primary were lost now, and why not the others. The rules themselves say so, asked
// about the group as the monitor sees it.
#pragma once

#include <string>
#include <vector>

#include "monitor/fsm/group_snapshot.h"
#include "monitor/fsm/settings.h"

namespace autoctl::monitor {

struct Forecast {
  std::string primary;  // empty: there is none
  std::string winner;   // empty: no node would take over
  std::string sentence;
  struct Loser {
    std::string name;
    std::string why;
  };
  std::vector<Loser> losers;  // the other standbys
};

Forecast forecast_loss(const GroupSnapshot& group, const Settings& settings, TimePoint now);

}  // namespace autoctl::monitor
