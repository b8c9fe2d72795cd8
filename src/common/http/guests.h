// Which connections stay where more come than there is room for. Deterministic: time is handed in. Not thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

namespace autoctl::http {

/// Connections that share one room. Each belongs to an owner: the address it comes from, or the credential it has
/// shown. Whoever holds most gives way first, so that one who needs little always finds room beside one who takes all.
class Guests {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Id = std::uint64_t;

  struct Room {
    std::size_t all = 0;
    std::size_t of_one_owner = 0;
  };
  struct Entry {
    bool comes_in = false;
    std::optional<Id> gives_way = {};  // it has left already, and its connection is to be closed
  };

  /// `patience`: whom the server has something to do for is left in peace for so long.
  Guests(Room room, std::chrono::milliseconds patience) : room_(room), patience_(patience) {}

  /// Comes in at rest.
  Entry enter(Id id, const std::string& owner, TimePoint now);
  void leave(Id id);
  /// Its client has asked for nothing, or has been answered: it gives way before others.
  void rest(Id id);
  /// The server has something to do for it, from now on.
  void work(Id id, TimePoint now);
  /// The one that gives way where there is room for fewer than was thought; nullopt if all are at work.
  std::optional<Id> let_go(TimePoint now);

  std::size_t size() const { return guests_.size(); }

 private:
  struct Guest {
    std::string owner;
    std::optional<TimePoint> works_since;  // nullopt: at rest
  };

  std::size_t held_by(const std::string& owner) const;
  bool can_go(const Guest& guest, TimePoint now) const;
  /// The oldest that can go, of that owner, or of the one of such that holds most.
  std::optional<Id> find_idle(const std::string* owner, TimePoint now) const;
  std::optional<Id> find_of_the_greediest(std::size_t more_than, TimePoint now) const;

  const Room room_;
  const std::chrono::milliseconds patience_;
  std::map<Id, Guest> guests_;  // ids grow: the oldest first
  std::unordered_map<std::string, std::size_t> held_;
};

}  // namespace autoctl::http
