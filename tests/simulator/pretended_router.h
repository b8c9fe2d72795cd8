// The router of one coordinator's keeper, in turns: the product's Routing decides, what its tasks do to Postgres is
// pretended here. A session that holds statements ends with its server, and with the keeper that opened it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dist_node.h"
#include "keeper.h"
#include "keeper/citus/routing.h"

namespace autoctl::simulator {

/// The shipped router hears something else than the keeper: how a mutant is made.
using Lie = std::function<void(int node, protocol::CitusPlan&)>;

class PretendedRouter {
 public:
  PretendedRouter(Kernel& kernel, Servers& servers, Keeper& keeper, DistNode& table, const Lie& lie, int node)
      : kernel_(&kernel), servers_(&servers), keeper_(&keeper), table_(&table), lie_(&lie), node_(node) {}

  void on_turn(const Event& event);
  /// The keeper, which has just been started, starts it.
  void start();
  /// The keeper may have heard something, or be gone.
  void look_at_keeper();

  /// A statement for this row waits.
  bool is_locked(int row) const;
  /// Statements for this group of the formation wait, or are about to; for the node with this address.
  struct Holding {
    GroupId group = 0;
    NodeId target;
    bool held = false;  // its move is made; otherwise it waits for its locks
  };
  std::vector<Holding> holding() const;
  /// The plan, as the keeper has it.
  const std::optional<protocol::CitusPlan>& duty() const { return duty_; }
  /// When statements of this group were held last, on a server that may be gone by now.
  std::optional<Micros> last_held(GroupId group) const;
  int node() const { return node_; }

  std::function<void(GroupId)> hold_begins;

 private:
  using Task = keeper::citus::Task;
  using TableStep = keeper::citus::TableStep;
  using Row = keeper::citus::Row;
  enum class Did { done, waits, failed, lost };

  /// A transaction that moves a row.
  struct Session {
    GroupId group = 0;
    NodeId target;  // of a hold; 0 = the router's own session
    TableStep step;
    std::uint32_t server = 0;  // its generation
    bool holds = false;        // has its locks, and has moved the row
    bool ours = true;          // of the keeper that lives
    Micros heard_at = 0;
    Micros ends_at = 0;  // one that is not ours
  };
  /// What the plan has lately said of a group's primary.
  struct Heard {
    NodeId now, before;
    Micros since = 0;
  };

  const Postgres& server() const { return (*servers_)[node_]; }
  bool lives(const Session& session) const;
  void sweep();
  void note(std::string_view what, std::string detail = {}) {
    kernel_->trace.note(kernel_->now, servers_->group_of(node_), servers_->place_of(node_), what, std::move(detail));
  }

  void schedule(Micros delay);
  void hear();
  void keeper_died();
  void let_go();
  void begin(const Task& task);
  void over(Did did);
  void publish();

  Did go_on();
  Did fail(std::string why);
  Did wait(Micros delay);
  Did look();
  Did move();
  Did acquire();
  Did commit(const TableStep& step);
  Did write(DistNode::Rows rows);
  Did change();
  DistNode::Rows moved(const TableStep& step) const;
  Session* find_session(const Task& task);
  void end_session(const Task& task);
  void judge_move(const TableStep& step) const;

  Kernel* kernel_;
  Servers* servers_;
  Keeper* keeper_;
  DistNode* table_;
  const Lie* lie_;
  int node_;

  // on the coordinator's server
  std::vector<Session> sessions_;

  // in the keeper's memory
  bool alive_ = false;
  keeper::citus::Routing routing_;
  std::optional<protocol::CitusPlan> duty_;
  std::map<GroupId, Heard> heard_;
  std::optional<Task> task_;  // under way
  std::uint32_t server_of_task_ = 0;
  Micros since_ = 0;     // when it began
  Micros due_ = 0;       // when it goes on
  Micros patience_ = 0;  // when it is given up
  std::optional<std::size_t> written_;
  std::string why_;  // it failed
  bool former_holds_ended_ = false;
  Micros turn_at_ = -1;
  std::uint32_t turn_ = 0;

  // the judge's memory
  std::map<GroupId, Micros> last_held_;
};

}  // namespace autoctl::simulator
