// What is going to happen, in the order of virtual time; ties in the order in which they were posted.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/fsm/types.h"

namespace autoctl::simulator {

/// Virtual time in microseconds since the simulation began.
using Micros = std::int64_t;
constexpr Micros ms(std::int64_t n) {
  return n * 1000;
}
constexpr Micros seconds(std::int64_t n) {
  return n * 1'000'000;
}
/// The same on the clocks that the product reads.
inline TimePoint clock_of(Micros at) {
  return TimePoint{} + std::chrono::hours(1) + std::chrono::microseconds(at);
}

enum class What : std::uint8_t {
  // of a node: wait until it is thawed
  client_commits,
  wal_arrives,
  flush_is_told,
  receiver_turn,
  upstream_closed,
  standby_closed,
  server_started,
  server_stopped,
  server_promoted,
  keeper_turn,
  keeper_starts,
  fence_turn,
  heartbeat,
  answer_arrives,
  exchange_failed,
  messenger_turn,
  citus_turn,
  probes_turn,
  node_boots,
  // of the monitor
  report_arrives,
  connection_closed,
  monitor_turn,
  monitor_starts,
  store_returns,
  probe,
  operator_asks,
  // of the simulation
  fault_in_group,
  fault_of_monitor,
  copy_turn,
  check,
};

/// What an operator wants, as an event's generation: of the node at place `peer`, or of the formation.
inline constexpr std::uint32_t maintenance_begins = 0, maintenance_ends = 1;
inline constexpr std::uint32_t switchover = 0, pause_begins = 1, pause_ends = 2;

struct Event {
  Micros at = 0;
  std::uint64_t order = 0;
  What what = What::check;
  std::uint32_t generation = 0;  // of the process it is for; another one does not get it
  std::int32_t node = -1;
  std::int32_t peer = -1;
  std::int64_t value = 0;
};

class EventQueue {
 public:
  void push(Event event) {
    event.order = ++order_;
    heap_.push_back(event);
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  Event pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Event first = heap_.back();
    heap_.pop_back();
    return first;
  }
  bool empty() const { return heap_.empty(); }
  const Event& front() const { return heap_.front(); }

 private:
  static bool later(const Event& a, const Event& b) { return a.at != b.at ? a.at > b.at : a.order > b.order; }

  std::vector<Event> heap_;
  std::uint64_t order_ = 0;
};

/// Messages on their way; an event carries the number of its message.
template <class T>
class Mail {
 public:
  std::int64_t put(T message) {
    if (free_.empty()) {
      messages_.push_back(std::move(message));
      return static_cast<std::int64_t>(messages_.size()) - 1;
    }
    const std::int64_t slot = free_.back();
    free_.pop_back();
    messages_[static_cast<std::size_t>(slot)] = std::move(message);
    return slot;
  }
  T take(std::int64_t slot) {
    free_.push_back(slot);
    return std::move(messages_[static_cast<std::size_t>(slot)]);
  }
  void drop(std::int64_t slot) { free_.push_back(slot); }

 private:
  std::vector<T> messages_;
  std::vector<std::int64_t> free_;
};

}  // namespace autoctl::simulator
