// What every part of a simulation shares: the time, the chance, the queue of events, the notes of what happened.
#pragma once

#include <array>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "event_queue.h"
#include "random.h"

namespace autoctl::simulator {

/// A safety rule (docs/safety-rules.md) was broken. Thrown: nothing after it means anything.
struct Violation {
  int group = 0;
  std::string what;
};

/// The last notes of each group, to be read when something went wrong.
class Trace {
 public:
  struct Note {
    Micros at = 0;
    int node = -1;  // in its group; -1 = the monitor
    std::string_view what;
    std::string detail;
  };

  void resize(std::size_t groups, std::size_t kept) {
    notes_.resize(groups);
    kept_ = kept;
  }
  void note(Micros at, int group, int node, std::string_view what, std::string detail = {}) {
    auto& notes = notes_[static_cast<std::size_t>(group)];
    if (notes.size() == kept_) notes.pop_front();
    notes.push_back({at, node, what, std::move(detail)});
  }
  std::string print(int group) const;

 private:
  std::vector<std::deque<Note>> notes_;
  std::size_t kept_ = 0;
};

/// What happened, in numbers.
struct Tally {
  std::uint64_t events = 0;
  std::uint64_t commits_acknowledged = 0;
  std::uint64_t reports = 0;
  std::uint64_t decisions = 0;
  std::uint64_t promotions = 0;
  std::uint64_t losses = 0;  // failovers that lost something, where that is allowed
  std::uint64_t faults = 0;
  std::uint64_t monitor_crashes = 0;
  std::uint64_t holds = 0;   // of a Citus group's statements
  std::uint64_t routes = 0;  // changes of a pg_dist_node
  std::uint64_t convergences = 0;
  Micros slowest_convergence = 0;
  std::uint64_t virtual_seconds = 0;

  Tally& operator+=(const Tally& other);
};

struct Kernel {
  explicit Kernel(std::uint64_t seed) : random(seed) {}

  void post(Micros delay, Event event) {
    event.at = now + delay;
    queue.push(event);
  }

  Micros now = 0;
  Random random;
  EventQueue queue;
  Trace trace;
  Tally tally;
};

}  // namespace autoctl::simulator
