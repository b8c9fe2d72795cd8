// Addresses from which a good credential has come. A connection that comes from one may well be a keeper's that is back,
// and is kept apart from those of strangers before it has said a word. Not thread-safe.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <unordered_map>

namespace autoctl::http {

class KnownPlaces {
 public:
  /// Of more than `places_max` the one is forgotten from which none has come for longest.
  explicit KnownPlaces(std::size_t places_max) : places_max_(places_max) {}

  void note(const std::string& place) {
    if (const auto known = entries_.find(place); known != entries_.end()) {
      order_.splice(order_.begin(), order_, known->second);
      return;
    }
    order_.push_front(place);
    entries_.emplace(place, order_.begin());
    if (order_.size() <= places_max_) return;
    entries_.erase(order_.back());
    order_.pop_back();
  }
  bool has(const std::string& place) const { return entries_.contains(place); }

 private:
  const std::size_t places_max_;
  std::list<std::string> order_;  // the one that was noted last first
  std::unordered_map<std::string, std::list<std::string>::iterator> entries_;
};

}  // namespace autoctl::http
