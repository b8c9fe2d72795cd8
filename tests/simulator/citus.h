// All Citus formations of a world: their tables, the routers of their coordinators' keepers, and what is promised about
// them. A worker group's statements go where the coordinator's table says; a table on a coordinator that was deposed
// does not count, as that coordinator completes no commit.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "grouping.h"
#include "pretended_router.h"
#include "pretended_store.h"

namespace autoctl::simulator {

class Citus {
 public:
  Citus(Kernel& kernel, Servers& servers, std::vector<Keeper>& keepers, PretendedStore& store, const Grouping& grouping,
        Lie lie);

  void on_turn(const Event& event) { routers_[router_of(event.node)].on_turn(event); }
  /// After an event of this node, or of its whole world, that its keeper may have heard of.
  void look_at(int node, What what);
  void look_at_all();

  // ---- the promises
  /// The monitor tells this plan to a coordinator: it names nodes only that were opened for writes by their keepers,
  /// after all others of their group.
  void judge_plan(int node, const protocol::CitusPlan& plan) const;
  /// A planned hand-over of a worker begins: the statements for it are held, so that they wait instead of failing.
  void judge_hand_over(int group) const;
  /// A hold ends soon after its reason.
  void judge_holds();
  /// A client's statement for this group through a coordinator that completes commits. Counts what is served.
  void statement(int group);
  std::uint64_t served(int group) const { return served_[static_cast<std::size_t>(group)]; }
  /// Why the statements for this group do not go to `leader`; empty when they do, and none is held.
  std::string why_not_routed(int group, int coordinator, int leader) const;
  std::string describe(int group) const;

  /// Statements are held since now.
  std::function<void(int group)> hold_begins;

 private:
  bool coordinates(int node) const { return grouping_.citus() && !grouping_.is_worker(servers_.group_of(node)); }
  /// By formation, and by place in its coordinator's group.
  std::size_t router_of(int node) const;
  DistNode& table_of(int group);
  const DistNode& table_of(int group) const;
  bool is_wanted(const PretendedRouter& router, const PretendedRouter::Holding& holding) const;

  Kernel& kernel_;
  Servers& servers_;
  std::vector<Keeper>& keepers_;
  const Grouping grouping_;
  const Lie lie_;
  std::deque<DistNode> tables_;
  std::deque<PretendedRouter> routers_;
  std::vector<std::uint64_t> served_;
  std::map<std::pair<std::size_t, GroupId>, Micros> unwanted_since_;  // holds, by router
};

}  // namespace autoctl::simulator
