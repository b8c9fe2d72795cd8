// The monitor's process: the product's engine, its real decisions, over a pretended store, clock, network and prober.
#pragma once

#include <memory>
#include <vector>

#include "keeper.h"
#include "monitor/engine/engine.h"
#include "pretended_store.h"

namespace autoctl::simulator {

class MonitorHost final : public monitor::Prober {
 public:
  MonitorHost(Kernel& kernel, PretendedNetwork& network, Servers& servers, std::vector<Keeper>& keepers, Post& post,
              const Grouping& grouping, monitor::Decide decide);

  void start();
  /// All nodes of one group, with an operator's wishes; number_sync_standbys as far as there are standbys for it.
  void create_group(int group, int number_sync_standbys, bool varied, bool bounded_loss);
  void allow_loss(const std::string& formation);
  void make_failovers_manual(int group);
  /// Its store is what it was at back_up(); nothing else is.
  void restore_backup();
  /// `silently`: its host is gone; otherwise the keepers see their connections break.
  void crash(bool silently);
  void freeze(Micros duration) { frozen_until_ = std::max(frozen_until_, kernel_.now + duration); }
  void thaw() { frozen_until_ = overloaded_until_ = 0; }
  /// It has no time for many reports, and does not take the end of a connection for one of its node.
  void overload(Micros duration) { overloaded_until_ = std::max(overloaded_until_, kernel_.now + duration); }
  bool alive() const { return engine_ != nullptr; }
  PretendedStore& store() { return store_; }
  const PretendedStore& store() const { return store_; }

  /// Reports, closed connections, an operator's requests: looked at in the next turn.
  void on_arrival(const Event& event);
  void on_turn(const Event& event);
  void on_starts(const Event& event);
  void on_store_returns(const Event& event);
  void on_probe(const Event& event);

  /// Now and then a report arrives twice.
  bool duplicates = false;
  /// A coordinator is told a plan.
  std::function<void(int node, const protocol::CitusPlan&)> judge_plan;

 private:
  void watch(NodeId node, const monitor::ProbeTarget&) override;
  void unwatch(NodeId node) override { watched_.erase(node); }
  void prepare(const std::string&) override {}

  std::string name_of(int node) const;
  bool set_sync_standbys(const std::string& formation, int number);
  void schedule(Micros delay);
  void handle(const Event& event);
  bool has_time_for(const Event& event);
  void turn_away(const Event& event);
  void take_report(const Event& event);
  void take_report_of_copy(const ReportMessage& message);
  void answer(int node, std::uint32_t generation, std::uint32_t exchange, const Result<protocol::Assignment>& result);
  void discard(const Event& event);
  void ask(const Event& event);
  PortState port_of(int node, monitor::ProbedPort port) const;

  Kernel& kernel_;
  PretendedNetwork& network_;
  Servers& servers_;
  std::vector<Keeper>& keepers_;
  Post& post_;
  const Grouping grouping_;
  monitor::Decide decide_;
  PretendedStore store_;
  std::unique_ptr<monitor::Engine> engine_;
  std::vector<Event> inbox_;
  std::map<NodeId, std::uint32_t> watched_;  // by the round in which the watching began
  std::uint32_t rounds_ = 0;
  std::uint64_t tokens_ = 0;  // given out, by all processes of the monitor
  std::uint32_t turn_ = 0;
  std::uint32_t generation_ = 0;
  Micros turn_at_ = -1;
  Micros frozen_until_ = 0;
  Micros overloaded_until_ = 0;
  bool host_is_up_ = true;
  bool recovering_ = false;
};

}  // namespace autoctl::simulator
