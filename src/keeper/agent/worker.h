// The keeper's one thread that acts: obeys the newest goal, keeps Postgres as the reached state demands, and tells what
// it sees.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "keeper/agent/board.h"
#include "keeper/agent/state_file.h"
#include "keeper/agent/steps.h"
#include "keeper/core/role.h"

namespace autoctl::keeper {

class Worker {
 public:
  /// All references outlive it.
  Worker(Board& board, Instance& postgres, const config::Config& config, const config::Files& files, SavedState saved);

  /// Until Board::stop(). Postgres is left as it is.
  void run();
  /// Postgres reads its configuration again, soon. Thread-safe.
  void request_reload();

 private:
  // goals (worker.cpp)
  bool obey();
  bool remember(SavedState next);
  void note(const std::string& notice);
  void act();
  void transition();
  void wait_for_work(bool until_postmaster_ends);
  bool settled() const;
  bool cancelled() const;
  void reached(const Goal& goal);
  StepContext context(const Goal& goal);

  // what should run while nothing changes (maintain.cpp)
  Role wanted_role() const { return role_of(saved_.state); }
  void maintain();
  void tolerate();
  bool was_promoted_by_somebody_else() const;
  void end_foreign_promotion();
  bool stop_postgres();
  void start_again();
  Result<> keep_house();
  void bound_slots();
  void failed(const Error& error);
  void succeeded();

  // what is seen (look.cpp)
  Observed look();
  void fill_from(const Observed& seen);
  void fill_from_disk();
  void look_at_disk();
  void ask_upstream();
  void publish();

  Board& board_;
  Instance& postgres_;
  const config::Config config_;
  const config::Files files_;
  SavedState saved_;
  std::string notice_;  // the monitor's, as it was last logged
  NodeFacts facts_, published_;

  std::vector<protocol::Peer> configured_peers_, configured_neighbours_;  // those that HBA and slots were last made for

  std::uint64_t server_ = 0;    // the one that was last seen, by Instance::servers_seen()
  bool house_is_kept_ = false;  // in it
  bool disk_was_read_ = false;  // since it ran

  TimePoint next_house_keeping_;
  TimePoint last_answer_;     // of Postgres to a query
  int failures_ = 0;          // of the present task, in a row
  std::string last_failure_;  // as it was logged
  TimePoint first_failure_;
  TimePoint retry_at_;  // after a failure; none while nothing has failed since the last try
  TimePoint settled_since_;
  std::atomic<bool> reload_requested_ = false;
};

}  // namespace autoctl::keeper
