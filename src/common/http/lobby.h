// Connections whose client has begun its TLS handshake and that wait for their turn. A handshake costs more than ten
// requests: where thousands of clients come at once, those that are in go first, and a client is told soon that there is
// no turn for it, while it still listens.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

namespace autoctl::http {

template <class Guest>
class Lobby {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// At most `guests_max` wait, and none longer than `wait_max`.
  Lobby(std::size_t guests_max, std::chrono::milliseconds wait_max) : guests_max_(guests_max), wait_max_(wait_max) {}

  /// False: there is no room.
  bool enter(std::weak_ptr<Guest> guest, TimePoint now) {
    if (guests_.size() >= guests_max_) return false;
    guests_.push_back({std::move(guest), now});
    return true;
  }
  /// The one that has waited longest; null if none waits.
  std::shared_ptr<Guest> next() {
    while (!guests_.empty()) {
      auto guest = guests_.front().guest.lock();
      guests_.pop_front();
      if (guest) return guest;  // else its client has gone
    }
    return nullptr;
  }
  /// Those that have waited too long, who wait no longer.
  std::vector<std::shared_ptr<Guest>> overdue(TimePoint now) {
    std::vector<std::shared_ptr<Guest>> late;
    while (!guests_.empty() && now - guests_.front().since >= wait_max_) {
      if (auto guest = guests_.front().guest.lock()) late.push_back(std::move(guest));
      guests_.pop_front();
    }
    return late;
  }
  bool empty() const { return guests_.empty(); }

 private:
  struct Waiting {
    std::weak_ptr<Guest> guest;
    TimePoint since;
  };

  const std::size_t guests_max_;
  const std::chrono::milliseconds wait_max_;
  std::deque<Waiting> guests_;
};

}  // namespace autoctl::http
