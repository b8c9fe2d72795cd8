// This node's own replication password: a new one when it is time, and in use only when the upstream knows it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <thread>

#include "common/config/config.h"
#include "common/config/files.h"
#include "common/tls/scram.h"
#include "keeper/agent/board.h"
#include "keeper/agent/live_config.h"
#include "keeper/agent/standby_rights.h"
#include "keeper/postgres/kept_files.h"
#include "keeper/postgres/pgpass.h"

namespace autoctl::keeper {

/// The new one lies beside the present one until a session at the upstream has been opened with it. Meanwhile the monitor
/// passes its verifier on to the primary. A keeper that is killed in between goes on from there. `autoctl rotate
/// password` begins it by writing the new one.
class PasswordWatch {
 public:
  /// All must outlive it. The board has the verifier when this returns. Board::stop() ends it.
  PasswordWatch(Board& board, const StandbyRights& rights, const LiveConfig& config, const config::Files& files);
  ~PasswordWatch();

 private:
  /// What the monitor wants of this node's password.
  struct Order {
    std::uint64_t round = 0, max_age_ms = 0;
    bool operator==(const Order&) const = default;
  };
  void watch();
  /// Something that look() depends on may be another than when it last found nothing to do.
  bool is_due() const;
  std::optional<Order> order() const;
  /// True while a new one waits.
  Result<bool> look();
  Result<> make_next(const config::Config& config, Passwords present, std::uint64_t round) const;
  bool is_in_force(const config::Config& config, const Passwords& next) const;
  Result<> take_into_use() const;

  Board& board_;
  const StandbyRights& rights_;
  const LiveConfig& config_;
  const config::Files& files_;
  tls::ScramVerifierCache verifier_;
  std::string complaint_;  // as it was logged
  bool settled_ = false;   // nothing was to be done when it last looked; since then
  KeptFiles kept_;         // these files were as they are kept here,
  std::optional<Order> ordered_;
  TimePoint next_look_;
  std::thread thread_;
};

}  // namespace autoctl::keeper
