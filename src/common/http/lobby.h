// Connections whose client has begun its TLS handshake and that wait for their turn. A handshake costs more than ten
// requests: where thousands of clients come at once, those that are in go first, and a client is told soon that there is
// no turn for it, while it still listens. Addresses take turns, so that one with a thousand clients keeps no other
// waiting. How many may wait is the business of those who let them in.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace autoctl::http {

template <class Guest>
class Lobby {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// None waits for longer than `wait_max`.
  explicit Lobby(std::chrono::milliseconds wait_max) : wait_max_(wait_max) {}

  void enter(std::weak_ptr<Guest> guest, const std::string& place, TimePoint now) {
    queues_[place].push_back({std::move(guest), now});
  }
  /// The one that has waited longest of the address whose turn it is; null if none waits.
  std::shared_ptr<Guest> next() {
    while (!queues_.empty()) {
      auto queue = queues_.upper_bound(last_);
      if (queue == queues_.end()) queue = queues_.begin();
      last_ = queue->first;
      auto guest = queue->second.front().guest.lock();
      queue->second.pop_front();
      if (queue->second.empty()) queues_.erase(queue);
      if (guest) return guest;  // else its client has gone
    }
    return nullptr;
  }
  /// Those that have waited too long, who wait no longer.
  std::vector<std::shared_ptr<Guest>> overdue(TimePoint now) {
    std::vector<std::shared_ptr<Guest>> late;
    for (auto queue = queues_.begin(); queue != queues_.end();) {
      auto& waiting = queue->second;
      while (!waiting.empty() && now - waiting.front().since >= wait_max_) {
        if (auto guest = waiting.front().guest.lock()) late.push_back(std::move(guest));
        waiting.pop_front();
      }
      queue = waiting.empty() ? queues_.erase(queue) : std::next(queue);
    }
    return late;
  }
  bool empty() const { return queues_.empty(); }

 private:
  struct Waiting {
    std::weak_ptr<Guest> guest;
    TimePoint since;
  };

  const std::chrono::milliseconds wait_max_;
  std::map<std::string, std::deque<Waiting>> queues_;  // none of them empty
  std::string last_;                                   // whose turn it was
};

}  // namespace autoctl::http
