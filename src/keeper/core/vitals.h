// Does this Postgres do for a client what a client wants: let it in, answer, and flush its WAL? From probes that others
// make; what none of them says counts, too: a probe that hangs says nothing. Pure.
//
// Load is not death. Where somebody is still let in, slowly, or WAL is still flushed, there is a lot of patience; there
// is little where the postmaster does nothing at all, or a write to the WAL's file system does not come back.
#pragma once

#include <string>

#include "keeper/core/observation.h"

namespace autoctl::keeper {

/// A probe that has ended.
struct Pulse {
  enum class Of : unsigned char { session, disk };
  /// Why no session was to be had.
  enum class Cause : unsigned char {
    load,          // as far as one can see
    deaf,          // nor is a stranger answered: no process is made for him
    stands_still,  // the postmaster did nothing meanwhile
    broken,        // it says so
  };
  Of of = Of::session;
  bool alive = false;
  Cause cause = Cause::load;  // session, not alive
  std::string why;            // not alive: one sentence
};

class Vitals {
 public:
  /// From now on nothing is expected of Postgres, until it has answered again: it is started or stopped.
  void suspend() { expects_ = false; }
  bool expects() const { return expects_; }
  void observed(const Observation& seen, TimePoint now);
  void felt(const Pulse& pulse, TimePoint now);
  /// To be called a few times a second: a gap was ours, and nobody is blamed for it.
  void tick(TimePoint now);

  /// Why this node should not have its role: a client would get nothing. Empty while it may.
  const std::string& failure() const { return failure_; }
  /// The failure is a postmaster that does nothing any more: nobody is served worse if it is restarted.
  bool stands_still() const { return !failure_.empty() && session_.cause == Pulse::Cause::stands_still; }
  /// Only while there is a failure.
  TimePoint failed_since() const { return failed_since_; }
  /// Why nothing can be written here, though the file system answers. Empty while it can.
  const std::string& write_failure() const { return write_failure_; }

 private:
  struct Signs {
    TimePoint alive;   // last
    TimePoint failed;  // last
    int failures = 0;  // since then
    std::string why;   // of the last one
    Pulse::Cause cause = Pulse::Cause::load;
  };
  std::string judge_session(TimePoint now) const;
  std::string judge_disk(TimePoint now) const;
  std::string judge(TimePoint now) const;
  void begin(TimePoint now);
  void excuse(TimePoint::duration gap, TimePoint now);

  bool expects_ = false;
  std::uint64_t server_ = 0;
  Signs session_, disk_;
  TimePoint answered_;  // a query of the worker's
  Lsn flushed_;
  TimePoint flush_moved_;  // or had nothing to do
  bool flush_waits_ = false;
  TimePoint flush_advanced_;
  TimePoint ticked_;
  TimePoint well_since_;
  std::string failure_, write_failure_;
  TimePoint failed_since_;
};

}  // namespace autoctl::keeper
