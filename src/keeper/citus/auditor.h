// What has to be looked after beside the routes, and may take long because a worker does not answer: the recovery of
// two-phase commits after a move, and each worker's copy of pg_dist_node. The routes come first: what is under way here is
// cancelled for them, and no node is asked that the monitor suspects.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/config/config.h"
#include "common/pg/connection.h"
#include "keeper/citus/other_databases.h"
#include "keeper/citus/planner.h"
#include "keeper/postgres/session.h"

namespace autoctl::keeper::citus {

class Auditor {
 public:
  explicit Auditor(const config::Config& config);
  ~Auditor();

  /// From now on, or no longer. A new coordinator first finishes what its predecessor left prepared.
  void activate(bool active);
  /// Something may have been left prepared: statements go elsewhere now, or a session of ours was given up.
  void recover_soon();
  /// The router is about to change the table, or has a change open; or no longer.
  void stand_aside(bool aside);
  /// Nodes that may not answer.
  void avoid(std::vector<Address> suspected);
  /// What is not as it should be, a sentence each.
  std::vector<std::string> findings() const;

 private:
  struct Suspicion {
    Row worker;
    std::string what;
    bool operator==(const Suspicion&) const = default;
  };

  void run();
  void look(bool recovery);
  bool is_unwanted() const;
  /// The next statement needs an answer from these.
  bool may_ask(std::vector<Address> nodes);
  Result<std::vector<Row>> read_table();
  Result<> recover();
  Result<std::vector<Suspicion>> compare();
  /// Said, and not repaired.
  std::vector<std::string> tell_other_databases() const;
  void repair(const std::vector<Suspicion>& suspicions);
  Result<> connect();

  Session session_;
  const std::string dbname_;
  std::optional<pg::Connection> sql_;
  OtherDatabases others_;
  std::vector<Suspicion> before_;  // what the look before this one found

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool active_ = false, stopping_ = false, recovery_due_ = false, aside_ = false;
  std::vector<Address> suspected_, asked_;
  std::vector<std::string> findings_;
  std::thread thread_;
};

}  // namespace autoctl::keeper::citus
