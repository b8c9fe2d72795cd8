#include "common/http/guests.h"

#include <algorithm>

namespace autoctl::http {

Guests::Entry Guests::enter(Id id, const std::string& owner, TimePoint now) {
  Entry entry;
  const std::size_t held = held_by(owner);
  if (held >= room_.of_one_owner) {
    entry.gives_way = find_idle(&owner, now);
  } else if (guests_.size() >= room_.all) {
    entry.gives_way = find_of_the_greediest(held + 1, now);
    if (!entry.gives_way) entry.gives_way = find_idle(nullptr, now);
  }
  if (entry.gives_way) leave(*entry.gives_way);
  entry.comes_in = held_by(owner) < room_.of_one_owner && guests_.size() < room_.all;
  if (!entry.comes_in) return entry;
  guests_.emplace(id, Guest{owner, std::nullopt});
  ++held_[owner];
  return entry;
}

void Guests::leave(Id id) {
  const auto guest = guests_.find(id);
  if (guest == guests_.end()) return;
  const auto held = held_.find(guest->second.owner);
  if (--held->second == 0) held_.erase(held);
  guests_.erase(guest);
}

void Guests::rest(Id id) {
  if (const auto guest = guests_.find(id); guest != guests_.end()) guest->second.works_since.reset();
}

void Guests::work(Id id, TimePoint now) {
  if (const auto guest = guests_.find(id); guest != guests_.end()) guest->second.works_since = now;
}

std::optional<Guests::Id> Guests::let_go(TimePoint now) {
  const auto id = find_idle(nullptr, now);
  if (id) leave(*id);
  return id;
}

std::size_t Guests::held_by(const std::string& owner) const {
  const auto held = held_.find(owner);
  return held == held_.end() ? 0 : held->second;
}

bool Guests::can_go(const Guest& guest, TimePoint now) const {
  return !guest.works_since || now - *guest.works_since >= patience_;
}

std::optional<Guests::Id> Guests::find_idle(const std::string* owner, TimePoint now) const {
  std::optional<Id> found;
  std::size_t most = 0;
  for (const auto& [id, guest] : guests_) {
    if ((owner != nullptr && guest.owner != *owner) || !can_go(guest, now)) continue;
    if (const std::size_t held = held_.at(guest.owner); held > most) {
      most = held;
      found = id;
    }
  }
  return found;
}

std::optional<Guests::Id> Guests::find_of_the_greediest(std::size_t more_than, TimePoint now) const {
  const auto less = [](const auto& a, const auto& b) { return a.second < b.second; };
  const auto most = std::ranges::max_element(held_, less);
  if (most == held_.end() || most->second <= more_than) return std::nullopt;
  if (const auto idle = find_idle(&most->first, now)) return idle;
  const auto oldest = std::ranges::find_if(guests_, [&](const auto& g) { return g.second.owner == most->first; });
  return oldest->first;
}

}  // namespace autoctl::http
