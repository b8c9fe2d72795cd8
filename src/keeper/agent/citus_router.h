// Makes pg_dist_node follow the monitor's plan while this node is the primary of the coordinator group. It has a thread
// and sessions of its own: it may wait for locks, and no other thread waits for it. It does what Routing says, and
// decides nothing.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <thread>

#include "common/config/config.h"
#include "keeper/agent/board.h"
#include "keeper/agent/live_config.h"
#include "keeper/citus/auditor.h"
#include "keeper/citus/metadata.h"
#include "keeper/citus/routing.h"
#include "keeper/postgres/session.h"

namespace autoctl::keeper {

class CitusRouter {
 public:
  /// `board` and `config` must outlive it; Board::stop() and then the destructor end it.
  CitusRouter(Board& board, const LiveConfig& config, const config::Files& files);
  ~CitusRouter();

 private:
  void run();
  void let_go();
  void perform(const citus::Task& task);

  Result<> connect();
  void look(bool shards);
  void give_up(const Error& error);

  Result<> check(GroupId group);
  Result<> commit(const citus::Task& task);
  void release(GroupId group);
  void end_hold(GroupId group);
  Result<> hold(const citus::Task& task);

  Result<> change(const citus::TableStep& step);
  Result<> prepare(const citus::TableStep& step);
  Result<pg::Connection> open_worker(const citus::TableStep& step);

  Board& board_;
  const LiveConfig& live_;
  const config::Config config_;  // as at the start: for what no reload changes
  const config::Files files_;
  Session session_;
  citus::Auditor auditor_;
  citus::Routing routing_;
  std::optional<pg::Connection> sql_;
  bool former_holds_ended_ = false;
  /// By group: the transaction that moves its statements is open, and they wait for it. It ends with its session, so
  /// that nothing is left behind when this keeper dies.
  std::map<GroupId, pg::Connection> holds_;
  std::string given_up_for_;  // so that each reason is logged once
  std::thread thread_;
};

}  // namespace autoctl::keeper
