// A node's certificate of the monitor's authority over its life, and whom the node believes.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "common/config/config.h"
#include "common/config/files.h"
#include "common/monitor_client/monitor_api.h"
#include "keeper/agent/board.h"
#include "keeper/agent/live_config.h"

namespace autoctl::keeper {

/// What is in the node's files; empty where its certificate is not of the monitor's authority, or cannot be read.
protocol::TrustFacts trust_in_files(const config::Config& config, const config::Files& files);

/// Asks the monitor for another certificate, with a new key, for the host name that the node is registered with, and
/// puts both, and those who are to be believed, in the place of what is there. Nothing uses them before a reload. It may be
/// cut short at any moment: tls::settle_pair() completes it. Blocks up to 10 s. Errors: of the monitor (conflict: the
/// authority's key is kept elsewhere), conflict (another one does the same), incompatible, system.
Result<> renew_certificate(const config::Config& config, const config::Files& files, client::MonitorApi& api);

/// A thread of its own: a monitor that is away holds up nothing else. It sleeps until two thirds of the certificate's life
/// are over, or the monitor wants something else; then it has the keeper reload. What does not work is tried again after a
/// pause, and is news of the node: the first time, and each day.
class RenewalWatch {
 public:
  /// All must outlive it. Board::stop() ends it: a request that is under way is given up by the destructor.
  RenewalWatch(Board& board, const LiveConfig& config, const config::Files& files);
  ~RenewalWatch();

 private:
  void watch();
  /// Returns when to look again, the monitor's wishes apart.
  std::chrono::seconds look(const config::Config& config, const protocol::TrustGoal& goal);
  Result<> follow(const config::Config& config, const protocol::TrustFacts& has, const protocol::TrustGoal& goal);
  void complain(const protocol::TrustFacts& has, const Error& error);

  Board& board_;
  const LiveConfig& config_;
  const config::Files& files_;
  std::string complaint_;  // as it was told
  std::chrono::system_clock::time_point complained_at_;
  std::mutex mutex_;
  std::optional<client::MonitorApi> api_;  // while there is something to ask; made and ended with the lock held
  std::thread thread_;
};

}  // namespace autoctl::keeper
