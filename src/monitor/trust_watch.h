// The monitor's authority and its own certificate over their lives, while it runs.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/config/config.h"
#include "monitor/api_port.h"
#include "monitor/own_postgres.h"
#include "monitor/service/authority.h"
#include "monitor/service/authority_change.h"
#include "monitor/service/service.h"

namespace autoctl::monitor {

/// Renews the monitor's own certificate, tells the engine to what all nodes are to come, and takes a change of the
/// authority from step to step when they have. Of the thread that supervises; does not wait for nodes or the engine.
class TrustWatch {
 public:
  /// All must outlive it but `config`. What is there is in force.
  TrustWatch(config::Config config, const config::Files& files, OwnPostgres& own, ApiPort& port, Service& service);

  /// Looks at the files now and then; each time while the authority is changed.
  void look();
  /// A command has changed files: looks at once. Errors: of what the monitor's own ports are to show.
  Result<> reload(const config::Config& config);

 private:
  using Phase = AuthorityChange::Phase;
  /// Written by the engine's thread.
  struct Standing {
    std::mutex mutex;
    std::optional<std::vector<std::string>> behind;
  };

  Result<> tend();
  void renew_own();
  /// The API and Postgres show and believe what is in the files.
  Result<> put_in_force();
  void tell_engine();
  Result<> advance(Phase phase);
  std::string words_of_change(Phase phase) const;
  void complain(const Error& error);
  void tell(const std::string& words);

  config::Config config_;
  const config::Files& files_;
  OwnPostgres& own_;
  ApiPort& port_;
  Service& service_;
  const Authority authority_;
  const AuthorityChange change_;
  std::shared_ptr<Standing> standing_ = std::make_shared<Standing>();
  std::string in_force_;             // own certificate and authorities, as the ports were told
  std::vector<std::string> behind_;  // nodes that a change waits for, as last heard
  int agreed_ = 0;                   // so often in a row none was behind
  std::string complaint_;            // as it was told
  std::chrono::steady_clock::time_point next_;
  std::chrono::steady_clock::time_point told_waiting_;
  std::chrono::system_clock::time_point complained_at_;
};

}  // namespace autoctl::monitor
