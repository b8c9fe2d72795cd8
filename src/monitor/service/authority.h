// The monitor's own certificate authority: <pgdata>.autoctl/ca/ca.crt and ca.key. It is replaced by another one while
// all go on: authority_change.h.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "common/config/files.h"
#include "common/fsm/types.h"
#include "common/protocol/certificates.h"
#include "common/util/result.h"

namespace autoctl::monitor {

/// Keeps nothing in memory: the key may be taken to a safe place, and brought back when it is needed. Thread-safe, but for
/// what changes files: that is the daemon's main thread's, or a command's while no daemon runs.
class Authority {
 public:
  /// Issues the certificate, PEM, to a node: by then its number is known, and its registration committed. Does not block.
  /// Errors: internal.
  using Issue = std::function<Result<std::string>(NodeId)>;

  explicit Authority(config::Files files) : files_(std::move(files)) {}

  /// Makes it, and the file of those who are believed. Errors: system, internal.
  Result<> create() const;
  /// For the node at `host`, from its request. Reads three small files. Errors: bad_usage (the request), conflict (the key
  /// is not here), bad_config.
  Result<Issue> prepare(const std::string& csr, const std::string& host) const;
  /// The monitor's own certificate and key, where they are missing, for another name, by another authority, or have two
  /// thirds of their life behind them. Those that are good still stay where they cannot be replaced: that is an error, too,
  /// which is_usable() tells from the others. Errors: as prepare(), system.
  Result<> ensure_own(const std::string& host) const;
  /// The same, whatever is there. Errors: as prepare(), system; then what is there stays.
  Result<> renew_own(const std::string& host) const;
  /// There are a certificate and a key that the monitor can start with.
  bool is_usable() const;
  /// PEM: whose certificates nodes are to believe. Errors: not_found, system.
  Result<std::string> trusted() const { return config::read_file(files_.ca()); }
  /// What all nodes are to come to now. Errors: not_found, system, bad_config.
  Result<protocol::TrustGoal> goal() const;
  /// From now on what was issued until now is to be replaced, by all. Errors: system.
  Result<> renew_all() const;

 private:
  config::Files files_;
};

}  // namespace autoctl::monitor
