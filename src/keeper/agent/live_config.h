// What a keeper was told, as its last reload took it in.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "common/config/config.h"
#include "common/monitor_client/monitor_api.h"

namespace autoctl::keeper {

/// Read by the threads that connect to others, changed by the one that reloads. Thread-safe.
class LiveConfig {
 public:
  explicit LiveConfig(config::Config config) : config_(std::move(config)) {}

  config::Config now() const {
    const std::lock_guard lock(mutex_);
    return config_;
  }
  void change(config::Config config) {
    const std::lock_guard lock(mutex_);
    config_ = std::move(config);
  }
  /// What this node trusts and shows at the monitor: other files may be there since.
  void change(client::MonitorEndpoint endpoint) {
    const std::lock_guard lock(mutex_);
    endpoint_ = std::make_shared<const client::MonitorEndpoint>(std::move(endpoint));
    ++changes_;
  }
  /// What is in force of it, to be told to the monitor.
  void change(protocol::TrustFacts trust) {
    const std::lock_guard lock(mutex_);
    trust_ = std::move(trust);
  }
  protocol::TrustFacts trust() const {
    const std::lock_guard lock(mutex_);
    return trust_;
  }
  /// The newest, if it was changed since `seen` changes; null if not. `seen` is then of now.
  std::shared_ptr<const client::MonitorEndpoint> endpoint_since(std::uint64_t& seen) const {
    const std::lock_guard lock(mutex_);
    return std::exchange(seen, changes_) == changes_ ? nullptr : endpoint_;
  }

 private:
  mutable std::mutex mutex_;
  config::Config config_;
  std::shared_ptr<const client::MonitorEndpoint> endpoint_;
  std::uint64_t changes_ = 0;
  protocol::TrustFacts trust_;
};

}  // namespace autoctl::keeper
