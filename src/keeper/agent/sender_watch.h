// On a primary: no WAL sender acknowledges commits in another node's name for longer than a moment. PostgreSQL lets a role
// call itself what it likes, and counts acknowledgements by that name.
#pragma once

#include <sys/types.h>

#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/pg/connection.h"
#include "keeper/agent/board.h"
#include "keeper/agent/live_config.h"
#include "keeper/agent/standby_rights.h"

namespace autoctl::keeper {

/// A thread of its own: the worker may be busy for long.
class SenderWatch {
 public:
  /// All must outlive it. Board::stop() ends it.
  SenderWatch(Board& board, StandbyRights& rights, const LiveConfig& config, std::string pgdata);
  ~SenderWatch();

 private:
  struct Sender {
    pid_t pid = 0;
    std::string application_name, role, address;
    bool streams = false;
    bool holds_slot = false;  // the one that is named like the application
  };
  void watch();
  Result<> look();
  Result<> open();
  /// No process has begun since all of them were settled: there is nothing to ask Postgres.
  bool nobody_came(std::optional<pid_t> last_process) const;
  /// All of them are known, by a cheap question.
  Result<bool> is_as_before();
  Result<std::vector<Sender>> senders();
  Result<> judge(const Sender& sender, const std::vector<protocol::Peer>& peers);
  Result<> end(const Sender& sender);
  Result<> end_impostor(const Sender& sender);

  Board& board_;
  StandbyRights& rights_;
  const LiveConfig& config_;
  const std::string pgdata_;
  std::optional<pg::Connection> sql_;
  std::set<pid_t> settled_;             // each streams, as what it may be
  std::optional<pid_t> settled_since_;  // the last process that had begun when all of them were
  std::set<pid_t> slotless_;            // in a standby's name and role, when they were last seen
  TimePoint next_whole_look_, next_try_;
  std::thread thread_;
};

}  // namespace autoctl::keeper
