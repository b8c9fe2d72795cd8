#include "monitor/engine/event_log.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace autoctl::monitor {

namespace {

constexpr std::size_t kept_in_memory = 2'000;

bool matches(const protocol::EventDocument& event, const EventQuery& query) {
  return event.id > query.after && (query.formation.empty() || event.formation == query.formation) &&
         (!query.group || event.group == *query.group);
}

}  // namespace

void EventLog::restore(std::int64_t last_id, std::vector<protocol::EventDocument> latest) {
  last_id_ = last_id;
  recent_.assign(std::make_move_iterator(latest.begin()), std::make_move_iterator(latest.end()));
}

void EventLog::number(std::vector<protocol::EventDocument>& events) const {
  std::int64_t id = last_id_;
  for (auto& event : events) event.id = ++id;
}

void EventLog::append(const std::vector<protocol::EventDocument>& events) {
  for (const auto& event : events) {
    recent_.push_back(event);
    last_id_ = event.id;
  }
  while (recent_.size() > kept_in_memory) recent_.pop_front();
  for (auto follower = followers_.begin(); follower != followers_.end();) {
    auto found = read(follower->query);
    if (!found || found->events.empty()) {
      ++follower;
      continue;
    }
    follower->reply(*std::move(found));
    follower = followers_.erase(follower);
  }
}

std::optional<protocol::EventsDocument> EventLog::read(const EventQuery& query) const {
  const std::int64_t oldest = recent_.empty() ? last_id_ + 1 : recent_.front().id;
  std::vector<protocol::EventDocument> found;
  const auto wanted = static_cast<std::size_t>(std::max(query.count, 0));
  if (query.latest) {
    for (auto event = recent_.rbegin(); event != recent_.rend() && found.size() < wanted; ++event)
      if (matches(*event, query)) found.push_back(*event);
    if (found.size() < wanted && oldest > query.after + 1) return std::nullopt;
    std::ranges::reverse(found);
  } else {
    if (oldest > query.after + 1) return std::nullopt;
    for (auto event = recent_.begin(); event != recent_.end() && found.size() < wanted; ++event)
      if (matches(*event, query)) found.push_back(*event);
  }
  return document(std::move(found), query);
}

protocol::EventsDocument EventLog::document(std::vector<protocol::EventDocument> events,
                                            const EventQuery& query) const {
  // A follower goes on after last_id: it must not skip what `count` cut off.
  const bool cut =
      !query.latest && events.size() == static_cast<std::size_t>(std::max(query.count, 0)) && !events.empty();
  const std::int64_t last = cut ? events.back().id : last_id_;
  return {std::move(events), last};
}

void EventLog::follow(const EventQuery& query, TimePoint until, Reply<protocol::EventsDocument> reply) {
  followers_.push_back({query, until, std::move(reply)});
}

void EventLog::expire(TimePoint now) {
  std::erase_if(followers_, [&](const Follower& follower) {
    if (follower.until > now) return false;
    follower.reply(document({}, follower.query));
    return true;
  });
}

std::optional<TimePoint> EventLog::next_deadline() const {
  std::optional<TimePoint> next;
  for (const Follower& follower : followers_)
    if (!next || follower.until < *next) next = follower.until;
  return next;
}

std::string event_time(std::chrono::system_clock::time_point time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<Millis>(time - day));
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return text.data();
}

}  // namespace autoctl::monitor
