// What the keeper's threads know together. Writers and readers hold its lock only to copy: no I/O happens under it.
//
//   worker     runs transitions, supervises and asks Postgres; may be slow             -> publishes facts
//   heartbeat  holds a report open at the monitor; network only                        -> offers assignments, renews
//   the lease messenger  reports at once what the worker has to say; network only                -> the same fence
//   watches the lease; touches nothing but the postmaster's pidfd
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "common/fsm/goal.h"
#include "common/protocol/protocol.h"
#include "keeper/core/lease.h"

namespace autoctl::keeper {

class Board {
 public:
  /// `epoch` grows with each start of the keeper.
  explicit Board(std::uint64_t epoch);
  ~Board();
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  // ---- worker
  /// `urgent`: the messenger reports it now; otherwise it goes with the next heartbeat.
  void publish(const NodeFacts& facts, bool urgent);
  NodeFacts facts() const;
  /// Goes with each report until one was answered, and into the monitor's event log.
  void tell(std::vector<std::string> news);
  /// The newest assignment, nullopt before the first.
  std::optional<protocol::Assignment> assignment() const;
  /// True once after the monitor asked to look at the upstream now.
  bool take_upstream_question();
  /// Readable when the worker has something to look at; for poll(). drain_wakeup() resets it.
  int wakeup_fd() const { return wakeup_fd_; }
  void drain_wakeup();
  void wake_worker();

  // ---- heartbeat, messenger
  /// At start: what goes with each report until the monitor has answered one.
  void remember(protocol::Memory memory);
  /// The next report: newest facts and a new sequence number, taken together.
  protocol::Report next_report(bool wait);
  /// A report with news up to this number was answered.
  void told(std::uint64_t last_news);
  /// Takes in an answer to a report that left at `request_left`: renews the lease, keeps the assignment if it is newer,
  /// wakes the worker if it has to act.
  void offer(const protocol::Assignment& assignment, TimePoint request_left);
  /// Blocks until what the worker saw of its upstream since it was last asked is published, or the timeout.
  void await_upstream_answer(Millis timeout);
  /// Blocks until the worker published something urgent; false when the keeper stops.
  bool await_urgency();
  /// Sleeps, but not past a stop.
  void pause(Millis duration);

  // ---- router of a Citus coordinator
  /// The plan, while this node is its group's primary and Postgres accepts writes.
  std::optional<protocol::CitusPlan> citus_duty() const;
  /// Blocks until citus_duty() is something else than `known`, the deadline, or a stop.
  void await_citus_duty(const std::optional<protocol::CitusPlan>& known, TimePoint deadline);
  void publish_citus(std::optional<protocol::CitusFacts> facts, bool urgent);

  // ---- fence
  Lease::Guard guard() const;
  /// Blocks until `deadline`, a change of what guard() says, or a stop.
  void await_guard_change(TimePoint deadline);
  void set_fenced(bool fenced);
  bool fenced() const { return fenced_; }
  /// True if a lease is not required, or is running.
  bool may_serve() const;
  /// At start: what was known before, until the monitor says otherwise. `grace` is how long nothing is fenced.
  void assume(bool lease_required, Millis grace);

  void stop();
  bool stopping() const { return stopping_; }

 private:
  std::optional<protocol::CitusPlan> citus_duty_locked() const;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  NodeFacts facts_;
  std::optional<protocol::CitusFacts> citus_;
  protocol::Memory memory_;
  std::vector<protocol::News> news_;
  std::uint64_t last_news_ = 0;
  std::uint64_t urgent_published_ = 0, urgent_taken_ = 0;
  std::uint64_t epoch_;
  std::uint64_t sequence_ = 0;
  std::uint64_t guard_version_ = 0;
  std::optional<protocol::Assignment> assignment_;
  TimePoint assigned_at_;
  bool upstream_question_ = false;    // the worker has not taken it yet
  bool upstream_answer_due_ = false;  // and not published what it saw
  Lease lease_;
  std::atomic<bool> fenced_ = false;
  std::atomic<bool> stopping_ = false;
  int wakeup_fd_ = -1;
};

}  // namespace autoctl::keeper
