// Which node would become the primary if the present one were lost, and why not the others: the monitor's own
// arithmetic on what it shows.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "common/protocol/protocol.h"

namespace autoctl::cli {

struct Explanation {
  std::string formation;
  GroupId group = 0;
  std::string primary;  // empty: there is none
  std::string winner;   // empty: no standby would be elected
  std::string sentence;
  struct Loser {
    std::string name;
    std::string why;
  };
  std::vector<Loser> losers;  // standbys that would not win
};

/// One for each group of `state`.
std::vector<Explanation> explain(const protocol::StateDocument& state);
std::string explanation_text(const std::vector<Explanation>& explanations);
nlohmann::json explanation_json(const std::vector<Explanation>& explanations);

}  // namespace autoctl::cli
