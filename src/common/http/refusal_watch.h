// What the log says about clients whose certificates were refused. Deterministic: time is handed in.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "common/http/server.h"

namespace autoctl::http {

class RefusalWatch {
 public:
  /// To be called with each Strain of a server. Says something at most once a second.
  std::optional<std::string> look(const Strain& strain, std::chrono::steady_clock::time_point now) {
    refused_ += strain.refused;
    if (!strain.refusal.empty()) last_ = strain.refusal;
    if (refused_ == 0 || (told_at_ && now - *told_at_ < pause)) return std::nullopt;
    told_at_ = now;
    const std::size_t others = std::exchange(refused_, 0) - 1;
    return "A client was refused: " + last_ + (others == 0 ? "" : " (and " + std::to_string(others) + " more)");
  }

 private:
  static constexpr std::chrono::seconds pause{1};

  std::size_t refused_ = 0;  // since the last word
  std::string last_;
  std::optional<std::chrono::steady_clock::time_point> told_at_;
};

}  // namespace autoctl::http
