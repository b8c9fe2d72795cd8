// The monitor's own certificate authority: <pgdata>.autoctl/ca/ca.crt and ca.key.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "common/config/files.h"
#include "common/fsm/types.h"
#include "common/util/result.h"

namespace autoctl::monitor {

/// Keeps nothing in memory: the key may be taken to a safe place, and brought back when it is needed. Thread-safe.
class Authority {
 public:
  /// Issues the certificate, PEM, to a node: by then its number is known, and its registration committed. Does not block.
  /// Errors: internal.
  using Issue = std::function<Result<std::string>(NodeId)>;

  explicit Authority(config::Files files) : files_(std::move(files)) {}

  /// Makes it, and the file of those who are believed. Errors: system, internal.
  Result<> create() const;
  /// For the node at `host`, from its request. Reads two small files. Errors: bad_usage (the request), conflict (the key is
  /// not here), bad_config.
  Result<Issue> prepare(const std::string& csr, const std::string& host) const;
  /// The monitor's own certificate and key, where they are missing, soon over, or for another name. With the key of the
  /// authority kept elsewhere, those that are still good stay. Errors: as prepare(), system.
  Result<> ensure_own(const std::string& host) const;
  /// PEM: whose certificates nodes are to believe. Errors: not_found, system.
  Result<std::string> trusted() const { return config::read_file(files_.ca()); }

 private:
  config::Files files_;
};

}  // namespace autoctl::monitor
