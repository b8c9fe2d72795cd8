// The monitor's store: what was committed survives, and every commit is looked at by the judge before it counts.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "grouping.h"
#include "kernel.h"
#include "monitor/engine/store.h"
#include "postgres.h"

namespace autoctl::simulator {

/// Thrown out of a commit: the monitor's process ends there.
struct MonitorCrash {};

class PretendedStore final : public monitor::Store {
 public:
  enum class Fault { none, fails_before, fails_after, crash_before, crash_after };

  PretendedStore(Kernel& kernel, Servers& servers, const Grouping& grouping)
      : kernel_(kernel), servers_(servers), grouping_(grouping) {}

  Result<monitor::Image> load() override;
  Result<> commit(const monitor::Change& change) override;
  Result<std::vector<protocol::EventDocument>> events(const monitor::EventQuery&) override {
    return std::vector<protocol::EventDocument>();
  }

  /// True if `goal` is, or was once, this node's committed goal.
  bool was_committed(NodeId id, const Goal& goal) const;
  const monitor::NodeRow& node(NodeId id) const { return kept_.nodes.at(id); }
  const monitor::GroupRow& group(int group) const { return kept_.groups.at(group); }
  const monitor::Settings& settings(int group) const {
    return kept_.formations.at(grouping_.formation_of(group)).settings;
  }
  bool is_paused(int group) const { return settings(group).paused; }
  void close() { connected_ = false; }
  void back_up() { backup_ = kept_; }
  bool has_backup() const { return backup_.has_value(); }
  void restore_backup() { kept_ = *backup_; }

  Fault next_fault = Fault::none;
  Micros away_until = 0;
  /// The group's primary is told to hand over, as planned.
  std::function<void(int group)> hand_over_begins;

 private:
  /// Of a row or an event.
  int group_of(const auto& row) const { return grouping_.group_of(row.formation, row.group); }
  void note(const monitor::Change& change);
  void judge(const monitor::Change& change);
  void judge_goal(const monitor::NodeRow& row);
  void judge_failover(const protocol::EventDocument& event) const;
  void take(const monitor::Change& change);
  Result<> lose(const char* why);

  Kernel& kernel_;
  Servers& servers_;
  const Grouping grouping_;
  bool connected_ = false;
  /// What is on disk.
  struct Kept {
    std::map<std::string, monitor::FormationRow> formations;
    std::map<int, monitor::GroupRow> groups;
    std::map<NodeId, monitor::NodeRow> nodes;
    std::map<std::int64_t, monitor::OperationRow> operations;
    NodeId last_node;
    std::int64_t last_event = 0;
  };
  Kept kept_;
  std::optional<Kept> backup_;
  std::map<NodeId, std::map<Term, std::vector<Goal>>> goals_;  // every goal that was ever committed
};

}  // namespace autoctl::simulator
