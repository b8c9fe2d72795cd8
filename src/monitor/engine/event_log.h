// Numbers events, keeps the latest in memory, and serves requests that follow them.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <vector>

#include "monitor/engine/model.h"
#include "monitor/engine/store.h"

namespace autoctl::monitor {

class EventLog {
 public:
  /// Forgets what it holds: `latest` are the newest stored ones, oldest first.
  void restore(std::int64_t last_id, std::vector<protocol::EventDocument> latest);

  std::int64_t last_id() const { return last_id_; }
  /// Gives them the next ids. They are not in the log before append().
  void number(std::vector<protocol::EventDocument>& events) const;
  /// After they were committed. Answers followers.
  void append(const std::vector<protocol::EventDocument>& events);

  /// nullopt when the answer needs older events than those in memory.
  std::optional<protocol::EventsDocument> read(const EventQuery& query) const;
  /// Answers with what `query` finds as soon as there is something, or with nothing at `until`.
  void follow(const EventQuery& query, TimePoint until, Reply<protocol::EventsDocument> reply);
  void expire(TimePoint now);
  std::optional<TimePoint> next_deadline() const;

 private:
  struct Follower {
    EventQuery query;
    TimePoint until;
    Reply<protocol::EventsDocument> reply;
  };
  protocol::EventsDocument document(std::vector<protocol::EventDocument> events, const EventQuery& query) const;

  std::deque<protocol::EventDocument> recent_;
  std::int64_t last_id_ = 0;
  std::list<Follower> followers_;
};

/// ISO 8601, UTC, milliseconds.
std::string event_time(std::chrono::system_clock::time_point time);

}  // namespace autoctl::monitor
