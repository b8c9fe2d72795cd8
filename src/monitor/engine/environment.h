// What the engine does not have of its own: time, chance and a log. The daemon gives it the real ones, a simulator
// others.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "common/fsm/types.h"

namespace autoctl::monitor {

struct Environment {
  std::function<TimePoint()> now;
  std::function<std::chrono::system_clock::time_point()> wall;
  /// A new random credential.
  std::function<std::string()> random_token;
  /// Lines for people, as they happen; the event log is the record.
  std::function<void(const std::string&)> inform = [](const std::string&) {};
  std::function<void(const std::string&)> warn = [](const std::string&) {};
};

}  // namespace autoctl::monitor
