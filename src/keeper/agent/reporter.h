// The two threads that talk to the monitor. Network only: neither touches a disk, Postgres or a child, so that a
// heartbeat never waits for any of them.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "common/config/config.h"
#include "common/monitor_client/monitor_api.h"
#include "keeper/agent/board.h"
#include "keeper/agent/live_config.h"
#include "keeper/agent/retry_pause.h"
#include "keeper/core/answer_patience.h"

namespace autoctl::keeper {

class Reporter {
 public:
  /// `board` and `live` must outlive it; Board::stop() and then the destructor end it.
  Reporter(Board& board, const config::Config& config, const LiveConfig& live, client::MonitorApi heartbeat,
           client::MonitorApi messenger, std::string pg_version);
  ~Reporter();

 private:
  void beat();     // holds a report open at the monitor, always
  void deliver();  // reports at once what is urgent
  /// On one of the two connections.
  struct Conversation {
    RetryPause pause;
    AnswerPatience patience;
    int overtaken = 0;           // so many reports in a row were
    std::uint64_t followed = 0;  // changes of what this side trusts and shows
  };
  /// One report and its answer. Returns false when it did not work.
  bool exchange(client::MonitorApi& api, bool wait, Conversation& talk);
  void note(bool reached, const std::string& why);
  void note_overload();

  Board& board_;
  const config::Config config_;
  const LiveConfig& live_;  // what a reload has changed
  const std::string pg_version_;
  client::MonitorApi heartbeat_api_, messenger_api_;
  std::atomic<bool> reachable_ = true;
  std::atomic<TimePoint::rep> overload_noted_ = 0;  // when
  std::thread heartbeat_, messenger_;
};

}  // namespace autoctl::keeper
