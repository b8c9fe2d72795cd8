// When strangers who come in floods are worth a word in the log. Deterministic: time is handed in.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "common/http/server.h"

namespace autoctl::http {

class FloodWatch {
 public:
  /// To be called with each Strain of a server. Says something at most once a minute.
  std::optional<std::string> look(const Strain& strain, std::chrono::steady_clock::time_point now) {
    closed_ += strain.strangers_closed;
    if (!strain.stranger.empty()) from_ = strain.stranger;
    if (closed_ < worth_a_word || (told_at_ && now - *told_at_ < pause)) return std::nullopt;
    told_at_ = now;
    return "A flood of strangers: " + std::to_string(std::exchange(closed_, 0)) +
           " connections that had shown no credential were closed to make room, the last one from " + from_ +
           "; those that have shown one have room of their own";
  }

 private:
  static constexpr std::size_t worth_a_word = 50;
  static constexpr std::chrono::minutes pause{1};

  std::size_t closed_ = 0;  // since the last word
  std::string from_;
  std::optional<std::chrono::steady_clock::time_point> told_at_;
};

}  // namespace autoctl::http
