// What a keeper was told, as its last reload took it in.
#pragma once

#include <mutex>
#include <utility>

#include "common/config/config.h"

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

 private:
  mutable std::mutex mutex_;
  config::Config config_;
};

}  // namespace autoctl::keeper
