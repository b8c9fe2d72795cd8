// What one step of a transition works with, and what it answers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/util/result.h"
#include "keeper/core/observation.h"
#include "keeper/core/ready.h"

namespace autoctl::keeper {

class House;

/// What stays the same while a keeper runs.
struct Identity {
  NodeId node;
  std::string pgdata;  // for messages
  bool has_monitor = true;
  bool unproved = false;            // copied or moved: perhaps another keeper is this node; the monitor's answer tells
  bool reads_when_standby = false;  // --citus-secondary: some settings differ between a primary and a standby
};

/// What a step asks for next.
struct Next {
  enum class Kind : unsigned char { done, order, wait, failed };
  Kind kind = Kind::done;
  Order order;      // order
  Millis pause{0};  // wait: until the next look
  Error error;      // failed

  static Next done() { return {}; }
  static Next to(Order order) { return {.kind = Kind::order, .order = std::move(order), .pause = {}, .error = {}}; }
  static Next to(Order::Kind kind) { return to(Order{.kind = kind, .upstream = {}, .sync = {}}); }
  static Next wait(Millis pause) { return {.kind = Kind::wait, .order = {}, .pause = pause, .error = {}}; }
  static Next failed(Error error) {
    return {.kind = Kind::failed, .order = {}, .pause = {}, .error = std::move(error)};
  }
  static Next failed(Errc code, std::string message, std::string hint = {}) {
    return failed(Error{code, std::move(message), std::move(hint)});
  }
};

/// The ways to follow an upstream, the cheapest first. The next one is tried only when the last has proved that it
/// cannot work.
enum class JoinPhase : unsigned char { begins, follows, rewinds, follows_rewound, copies, follows_copy };

/// What a step remembers from one evaluation to the next. It is lost with the keeper: every step can begin again.
class StepMemory {
 public:
  bool did(Order::Kind kind) const { return (orders_ >> static_cast<unsigned>(kind) & 1U) != 0; }
  void did_now(Order::Kind kind) { orders_ |= 1U << static_cast<unsigned>(kind); }
  /// The next phase of the same step remembers nothing of the last.
  void begin(JoinPhase next) {
    *this = {};
    phase = next;
  }

  /// Its progress so far, for steps that wait until nothing moves any more.
  bool stands_still(Lsn at, TimePoint now, Millis patience) {
    if (!moved || at > last) {
      last = at;
      moved = now;
    }
    return now - *moved > patience;
  }
  void begin_to_watch(TimePoint now) { moved = now; }

  JoinPhase phase = JoinPhase::begins;
  std::optional<Lsn> mark;       // a position that others have to reach
  std::optional<Error> failure;  // of the order that was carried out last
  std::string why;               // a copy is needed

 private:
  unsigned orders_ = 0;  // carried out, a bit each
  Lsn last;
  std::optional<TimePoint> moved;
};

struct StepContext {
  const Identity& self;
  const Observation& seen;
  const SavedState& saved;
  const Goal& goal;
  TimePoint now;
  House& house;
  std::vector<LogLine>& log;
  std::vector<std::string>& news;
  bool& probes_upstream;  // set: the next observation has to tell whether the upstream's port is open
  int failures = 0;       // of this task, in a row

  void say(LogLine::Level level, std::string text) const { log.push_back({level, std::move(text)}); }
  /// In the log and in the event log.
  void tell(std::string text) const {
    say(LogLine::Level::warning, text);
    news.push_back(std::move(text));
  }
};

}  // namespace autoctl::keeper
