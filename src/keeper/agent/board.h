// The keeper core between its threads. The lock is held only while the core thinks, which it does without any I/O.
//
//   thread     does                                                          may block on
//   worker     looks at Postgres, saves, carries orders out                  Postgres, disk, children
//   heartbeat  holds a report open at the monitor                            the network, with a deadline
//   messenger  reports at once what is urgent                                the network, with a deadline
//   fence      kills Postgres when the lease is over                         nothing
//   guard      tells a process of its own when Postgres has to end          nothing
//   judge      finds out from the probes whether a client would be served  nothing
//   sessions   connects as a client does                                   Postgres, disk
//   disk       writes beside the WAL                                       disk
//   scribe     writes down who this keeper is                                the disk
//   addresses  finds out from where this node connects to the others          name servers, other nodes
//   certificates  finds out which certificate Postgres shows                Postgres
//   passwords  makes a new replication password when it is time             disk, the upstream's Postgres
//   senders    ends WAL senders under another node's name                   Postgres
//   router     makes a coordinator's pg_dist_node follow the plan            its own sessions
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "keeper/agent/waiters.h"
#include "keeper/core/core.h"
#include "keeper/core/instance_chain.h"

namespace autoctl::keeper {

/// The group's other nodes, a Citus formation's, or which of them this one follows.
bool tells_of_others(const protocol::Assignment& newer, const protocol::Assignment& older);

class Board {
 public:
  explicit Board(Identity self, SavedState saved, InstanceChain chain = {{}, {}});
  ~Board();
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  // ---- worker; each as in Core
  Ready ready();
  void observed(Observation seen);
  void saved();
  void save_failed(Error error);
  void finished();
  void failed(Error error);
  void progressed(int percent);
  void slots_given_up(const std::vector<NodeId>& standbys);
  void tell(std::vector<std::string> news);
  bool wants_upstream_probe() const;
  bool takes_over_servers() const;
  /// Only the worker may call this: the reference stays good until it calls something else.
  const SavedState& saved_state() const { return core_.saved_state(); }
  /// The order under way is no longer wanted, or the keeper stops.
  bool cancelled() const;
  /// Readable when the worker has something to look at; for poll(). drain_wakeup() resets it.
  int wakeup_fd() const { return wakeup_fd_; }
  void drain_wakeup();

  // ---- heartbeat, messenger
  /// The next report: newest facts and a new sequence number, taken together.
  protocol::Report next_report(bool wait, TimePoint left = {});
  /// The answer to a report that left at `request_left`, had news up to `last_news` (0: none) and was of `instance`.
  void answered(const protocol::Assignment& assignment, TimePoint request_left, std::uint64_t last_news,
                const std::string& instance = {});
  void unknown_to_monitor(TimePoint request_left);
  /// A report was not answered, or was refused.
  void report_failed();
  void send_failed();
  /// Another keeper is this node: Core::refused().
  void refused(const Error& why);
  /// Blocks until what the worker saw of its upstream since the monitor asked is published, or the timeout.
  void await_upstream_answer(Millis timeout);
  /// Blocks until something is urgent; false when the keeper stops.
  bool await_urgency();
  /// Sleeps, but not past a stop.
  void pause(Millis duration);

  // ---- scribe
  /// Blocks until the chain of this keeper's instance is to be longer; false when the keeper stops.
  bool await_link();
  /// The chain with this link, to be saved; then linked().
  protocol::Instance with_link(std::string id) const;
  void linked(protocol::Instance instance);

  // ---- router of a Citus coordinator
  /// The plan, while this node is its group's primary and Postgres accepts writes.
  std::optional<protocol::CitusPlan> citus_duty() const;
  /// Blocks until citus_duty() is something else than `known`, the deadline, or a stop.
  void await_citus_duty(const std::optional<protocol::CitusPlan>& known, TimePoint deadline);
  void publish_citus(std::optional<protocol::CitusFacts> facts, bool urgent);

  // ---- addresses
  void set_addresses(std::vector<IpAddress> addresses);
  /// Blocks until the monitor tells_of_others() than in `known`, the deadline, or a stop.
  void await_other_nodes(const std::optional<protocol::Assignment>& known, TimePoint deadline);

  // ---- certificates
  void set_certificates(protocol::ShownCertificates certificates);

  // ---- passwords
  void set_verifier(ScramVerifier verifier);

  // ---- senders
  /// Postgres runs, and not in recovery, when it was last looked at.
  bool serves_as_primary() const;
  /// Blocks until it does, or a stop.
  void await_primary();

  // ---- probes; each as in Core
  void felt(const Pulse& pulse);
  std::string check_vitals();
  bool expects_service() const;

  // ---- fence
  /// Blocks until Postgres has to be killed; false when the keeper stops.
  bool await_fence();
  void set_fenced();

  // ---- guard
  /// Blocks until Postgres may run until another moment than `told`, and sets that; false when the keeper stops.
  bool await_guarded_until(std::optional<TimePoint>& told);

  // ---- any thread
  NodeFacts facts() const;
  std::optional<protocol::Assignment> assignment() const;
  bool fenced() const;
  /// As Core::has_retired().
  bool has_retired() const;
  bool is_refused() const;
  /// Postgres reads its configuration again, soon.
  void request_reload();
  /// Postgres stops in order and starts again, soon.
  void request_restart();
  void stop();
  bool stopping() const { return stopping_; }

 private:
  void wake_worker();
  bool accepts_writes() const;

  mutable std::mutex mutex_;
  Waiters waiters_;
  Core core_;
  InstanceChain chain_;
  std::atomic<bool> stopping_ = false;
  int wakeup_fd_ = -1;
};

}  // namespace autoctl::keeper
