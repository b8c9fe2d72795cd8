// What the keeper core wants done, as a value. The shell does it from top to bottom and tells the core how it went.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "keeper/core/order.h"
#include "keeper/core/saved_state.h"

namespace autoctl::keeper {

/// For the log.
struct LogLine {
  enum class Level : unsigned char { debug, info, warning, error };
  Level level = Level::info;
  std::string text;
};

/// A moment at which a role changes: where hooks will hang.
struct HookPoint {
  enum class Kind : unsigned char { before_promotion, after_promotion, before_demotion, after_demotion };
  Kind kind = Kind::before_promotion;
  NodeState goal = NodeState::init;
  Term term;
};

struct Ready {
  std::vector<LogLine> log;
  std::vector<HookPoint> hooks;
  /// The core needs a new observation before it can say anything else: Core::observed().
  bool look = false;
  /// To be made durable before anything below happens and before any report mentions it; then Core::saved() or
  /// save_failed().
  std::optional<SavedState> save;
  /// To be carried out now; then Core::finished() or failed(). Meanwhile Core::cancelled() may become true.
  std::optional<Order> order;
  /// Nothing to do: look again at this time, or when an input comes.
  TimePoint wake_at;

  bool idle() const { return !look && !save && !order; }
};

}  // namespace autoctl::keeper
