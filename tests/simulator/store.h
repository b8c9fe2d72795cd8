// The monitor's store: what was committed survives, and every commit is looked at by the judge before it counts.
#pragma once

#include <functional>
#include <map>
#include <utility>

#include "kernel.h"
#include "monitor/engine/store.h"
#include "postgres.h"

namespace autoctl::simulator {

/// Thrown out of a commit: the monitor's process ends there.
struct MonitorCrash {};

class PretendedStore final : public monitor::Store {
 public:
  enum class Fault { none, fails_before, fails_after, crash_before, crash_after };

  PretendedStore(Kernel& kernel, Servers& servers) : kernel_(kernel), servers_(servers) {}

  Result<monitor::Image> load() override;
  Result<> commit(const monitor::Change& change) override;
  Result<std::vector<protocol::EventDocument>> events(const monitor::EventQuery&) override {
    return std::vector<protocol::EventDocument>();
  }

  /// True if `goal` is, or was once, this node's committed goal.
  bool was_committed(NodeId id, const Goal& goal) const;
  const monitor::NodeRow& node(NodeId id) const { return nodes_.at(id); }
  const monitor::GroupRow& group(int group) const;
  const monitor::Settings& settings(int group) const { return formations_.at("f" + std::to_string(group)).settings; }
  bool is_paused(int group) const { return settings(group).paused; }
  void close() { connected_ = false; }

  Fault next_fault = Fault::none;
  Micros away_until = 0;

 private:
  int group_of(const std::string& formation) const { return std::stoi(formation.substr(1)); }
  void note(const monitor::Change& change);
  void judge(const monitor::Change& change);
  void judge_goal(const monitor::NodeRow& row);
  void take(const monitor::Change& change);
  Result<> lose(const char* why);

  Kernel& kernel_;
  Servers& servers_;
  bool connected_ = false;
  std::map<std::string, monitor::FormationRow> formations_;
  std::map<std::string, monitor::GroupRow> groups_;
  std::map<NodeId, monitor::NodeRow> nodes_;
  std::map<NodeId, std::map<Term, Goal>> goals_;  // every goal that was ever committed
  std::map<std::int64_t, monitor::OperationRow> operations_;
  NodeId last_node_;
  std::int64_t last_event_ = 0;
};

/// "f7" is the formation of group 7.
inline std::string formation_of(int group) {
  return "f" + std::to_string(group);
}

}  // namespace autoctl::simulator
