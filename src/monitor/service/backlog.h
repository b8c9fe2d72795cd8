// Is the monitor overloaded? What there was no time for, and when that is worth a word: once when it begins, once when
// it is over. Deterministic: time is handed in.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "common/fsm/types.h"

namespace autoctl::monitor {

/// What there was no time for.
struct Backlog {
  std::size_t late = 0;         // reports that waited longer than Inbox::report_wait_max
  std::size_t shed = 0;         // reports and requests that were turned away
  std::size_t turned_away = 0;  // connections that were closed before anything was heard from them
  Millis lag{0};                // of the thread that serves the connections

  Backlog& operator+=(const Backlog& more);
};

class Overload {
 public:
  struct News {
    bool begins = false;
    std::string words;
  };

  /// To be called about once a second, with what came since the last time.
  std::optional<News> look(const Backlog& since_last, TimePoint now);
  bool is_on() const { return is_on_; }

 private:
  bool is_on_ = false;
  int lags_ = 0;  // in a row, up to the last look
  TimePoint since_, last_strain_;
  Backlog total_;
};

}  // namespace autoctl::monitor
