// Whether a primary may go on without the monitor (docs/safety-rules.md, rule 3). Pure: the caller says what time it is.
#pragma once

#include "common/fsm/goal.h"

namespace autoctl::keeper {

class Lease {
 public:
  struct Guard {
    bool armed = false;  // a lease is required and Postgres may accept writes
    TimePoint until;     // the later of the lease's end and the last moment a standby was seen streaming, plus a little
  };

  /// An answer to a report that left then granted this much.
  void renew(TimePoint request_left, Millis granted);
  /// Could another node be elected? As the monitor last said. `strict`: also one that does not fence this one first, so
  /// that no standby that streams replaces the lease.
  void require(bool required, bool strict) {
    required_ = required;
    strict_ = strict;
  }
  bool is_required() const { return required_; }
  /// What Postgres was seen to do.
  void see(const NodeFacts& facts, TimePoint now);
  /// Postgres is about to accept writes, or may have begun to, and nobody has looked yet. A strict lease counts already.
  void opens() { serves_ = serves_ || strict_; }
  /// At start: what was known before, until the monitor says otherwise. `grace` is how long nothing is fenced, unless
  /// the lease is strict: how much of it is left is not known then.
  void assume(bool required, bool strict, TimePoint now, Millis grace);

  /// When Postgres has to be stopped.
  Guard guard() const;
  /// True if a lease is not required, or is running.
  bool may_serve(TimePoint now) const { return !required_ || now < until_; }
  bool is_strict() const { return strict_; }
  TimePoint until() const { return until_; }

 private:
  bool required_ = false;
  bool strict_ = false;
  bool serves_ = false;
  TimePoint until_;
  TimePoint streaming_seen_;
};

}  // namespace autoctl::keeper
