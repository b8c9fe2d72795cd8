// Breadth-first through every world that actions in any order lead to. The safety rules (docs/safety-rules.md) hold in
// each of them, and from each of them the group recovers when the faults stop.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "decisions.h"
#include "fair_run.h"
#include "node_model.h"
#include "world_set.h"

namespace autoctl::explorer {

struct ExplorerPlan {
  static constexpr std::uint8_t unlimited = 255;
  int nodes = 2;
  Rules rules;
  std::uint8_t faults = 3;              // crashes, cuts, monitor restarts on one path; `unlimited` = any number
  std::uint8_t judgements = unlimited;  // how often a node is taken for lost, rightly or not, or a switchover asked for
  std::uint8_t commits = 1;             // unsettled at a time, at most token_count
  bool operations = true;               // an operator asks for a switchover at any time
  bool drops = false;                   // and drops one of the nodes
  bool maintenance = false;  // and takes nodes out of service and back; of two, starts and stops them meanwhile
  bool recycling = false;    // WAL that a standby needs goes
  bool worker = false;       // a Citus worker group: its statements come through a coordinator that may do anything
  bool delays = false;       // between a report's leaving and its arrival anything can happen
  bool at_rest = false;      // begins with a primary and its standbys, not with nodes that have registered
  bool asked = false;  // begins with an operator's request for a switchover, to be looked at when the monitor likes
  bool any_weather = false;  // any fault at any time, of which the world remembers nothing (weather.h)
  bool check_liveness = true;
  std::function<void(const World&)> visit;  // sees every world
  std::size_t max_states = 50'000'000;
};

struct ExplorerReport {
  std::size_t states = 0;
  std::size_t transitions = 0;
  std::size_t monitor_states = 0;
  std::optional<std::string> counterexample;  // what is wrong and the shortest way to it
  std::set<std::string_view> rules_fired;
  std::set<std::pair<NodeState, NodeState>> pairs;  // (reached, goal) that occurred
};

class Explorer {
 public:
  explicit Explorer(ExplorerPlan plan);
  ExplorerReport run();
  /// After run(): has it been in this world?
  bool has_seen(World world) const {
    canonicalise(world, alike_);
    return seen_.contains(world);
  }

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
      heal,
      enable_maintenance,
      disable_maintenance,
      operators_hand,
      copy_begins,
      come_up
    };
    Kind kind = Kind::none;
    std::uint8_t node = 0;  // or which of several
  };
  struct Origin {
    std::uint32_t parent;
    Action action;
  };
  /// Takes one action; nullopt if it cannot be taken in this world.
  std::optional<World> taken(const World& world, Action action, Violation& violation);

  World first_world() const;
  void expand();
  void attempt(Action action);
  void expand_node(int node);
  void expand_group();
  void expand_faults();
  void expand_weather();
  void check();
  void check_recovery();
  std::optional<std::string> check_fair_run(const World& world, std::size_t variant);
  void fail(const std::string& what);
  std::string trace();
  static std::string describe(const Action& action);

  /// One way in which faults stop, and the worlds from which it is known to end well.
  struct Recovery {
    FairRun run;
    FairRules rules;
    FingerprintSet good;
  };

  ExplorerPlan plan_;
  Decisions decisions_;
  ExplorerReport report_;
  FingerprintSet seen_;
  std::deque<World> frontier_;   // worlds from here_ on
  std::uint32_t here_ = 0;       // the world that is looked at
  std::vector<Origin> origins_;  // of every world; a trace takes the actions again
  std::array<std::uint8_t, max_nodes> alike_{};
  std::vector<Recovery> recoveries_;
};

}  // namespace autoctl::explorer
