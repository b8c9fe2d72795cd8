// Breadth-first through every world that actions in any order lead to; the design's safety rules hold in each of them,
// and from each of them the group recovers when the faults stop.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fair_run.h"
#include "monitor_model.h"
#include "node_model.h"
#include "world_set.h"

namespace autoctl::sim {

struct Plan {
  monitor::Settings settings;
  Decide decide = monitor::decide;
  std::uint8_t faults = 3;   // crashes, cuts, monitor restarts on one path; `unlimited` = any number
  std::uint8_t commits = 1;  // unsettled at a time, at most token_count
  bool operations = true;    // an operator asks for a switchover at any time
  bool drops = false;        // and drops one of the nodes
  bool recycling = false;    // WAL that a standby needs goes
  bool worker = false;       // a Citus worker group: its statements come through a coordinator that may do anything
  bool delays = false;       // between a report's leaving and its arrival anything can happen
  bool check_liveness = true;
  std::size_t max_states = 6'000'000;
  static constexpr std::uint8_t unlimited = 255;
};

struct Report {
  std::size_t states = 0;
  std::size_t transitions = 0;
  std::size_t monitor_states = 0;
  std::optional<std::string> counterexample;  // what is wrong and the shortest way to it
  std::set<std::string_view> rules_fired;
  std::set<std::pair<NodeState, NodeState>> pairs;  // (reached, goal) that occurred
};

class Explorer {
 public:
  explicit Explorer(Plan plan);
  Report run();

 private:
  struct Action {
    enum class Kind : std::uint8_t {
      none,
      hear,
      work,
      report,
      send,
      arrive,
      self_fence,
      wal,
      commit,
      acknowledge,
      request,
      drop,
      forget,
      decide,
      server_crash,
      recycle,
      break_node,
      repair_node,
      monitor_restart,
      cut,
      heal
    };
    Kind kind = Kind::none;
    std::uint8_t node = 0;
    std::uint16_t rule = 0;
  };
  struct Origin {
    std::uint32_t parent;
    Action action;
  };

  void expand(std::uint32_t index);
  void node_actions(std::uint32_t index, int node);
  void node_faults(std::uint32_t index, int node);
  void group_actions(std::uint32_t index);
  void reach(std::uint32_t from, Action action, World world, bool is_fault = false);
  void check(std::uint32_t index);
  void check_recovery(std::uint32_t index);
  std::optional<std::string> check_fair_run(const World& world, std::size_t variant);
  void fail(std::uint32_t index, const std::string& what);
  std::string trace(std::uint32_t index) const;
  static std::string describe(const Action& action);

  /// One way in which faults stop, and the worlds from which it is known to end well.
  struct Recovery {
    FairRun run;
    FairRules rules;
    WorldSet good;
  };

  Plan plan_;
  Decisions decisions_;
  Report report_;
  WorldSet worlds_;
  std::vector<Origin> origins_;
  std::vector<Recovery> recoveries_;
};

}  // namespace autoctl::sim
