// Makes pg_dist_node follow the monitor's plan while this node is its coordinator group's primary. A thread of its own
// with sessions of its own: it may wait for locks, nobody waits for it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <thread>

#include "common/config/config.h"
#include "keeper/agent/board.h"
#include "keeper/citus/auditor.h"
#include "keeper/citus/metadata.h"
#include "keeper/postgres/session.h"

namespace autoctl::keeper::citus {

class Router {
 public:
  /// `board` must outlive it; Board::stop() and then the destructor end it.
  Router(Board& board, const config::Config& config, const config::Files& files);
  ~Router();

 private:
  /// A planned hand-over: the transaction that moves a group's statements is open, and they wait for it. It ends with
  /// its session, so that nothing is left behind when this keeper dies.
  struct Hold {
    NodeId target;
    pg::Connection sql;
  };
  /// What was found to differ though the plan had been carried out.
  struct Drift {
    std::string what;
    TimePoint at;
  };

  void run();
  void work(const protocol::CitusPlan& plan);
  Result<> connect();
  void let_go();

  // holds
  void end_holds(const protocol::CitusPlan& plan);
  /// False when one that is wanted could not be had.
  bool begin_holds(const protocol::CitusPlan& plan, const std::vector<Row>& rows);
  Result<Hold> begin_hold(const protocol::CitusRoute& route, const Step& step);

  // everything else
  bool carry_out(const protocol::CitusPlan& plan, const std::vector<Row>& rows, const std::vector<Step>& steps);
  /// Statements of another group have to be moved or held now.
  bool overtaken(const protocol::CitusPlan& plan, const std::vector<Row>& rows) const;
  Result<> prepare(const Step& step);
  Result<pg::Connection> open_worker(const Step& step);
  void note_drift(const std::string& what);
  void report(const Outcome& seen);
  void publish(std::optional<protocol::CitusFacts> facts);

  Board& board_;
  const config::Config config_;
  const config::Files files_;
  Session session_;
  Auditor auditor_;
  std::optional<pg::Connection> sql_;
  bool former_holds_ended_ = false;
  std::map<GroupId, Hold> holds_;
  std::map<GroupId, std::string> troubles_;
  std::vector<Drift> drift_;
  std::optional<protocol::CitusPlan> carried_out_;  // the plan that the table has followed
  std::optional<protocol::CitusFacts> published_;
  int failures_ = 0;
  std::string given_up_for_;  // so that each reason is logged once
  std::thread thread_;
};

}  // namespace autoctl::keeper::citus
