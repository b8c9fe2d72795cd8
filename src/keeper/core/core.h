// The keeper's brain: single-threaded, deterministic, without a clock, thread, socket, file or query of its own. It is fed
// with what happened and says what to do next, as a value (Ready). The product runs it on a real Postgres (keeper/agent),
// the simulator and the explorer on pretended ones.
//
//   in                                               out
//   observed      what Postgres looks like           ready         what to save, then what to do, or when to look again
//   saved, save_failed                               next_report   what to tell the monitor, once is_urgent() or the
//   finished, failed      an order is over                         heartbeat's time has come
//   answered, send_failed the monitor's word         guard         when Postgres has to be killed
//   fenced        that was done                      cancelled     the order under way is no longer wanted
//
// Order of duties (docs/architecture.md): a goal is saved before it is obeyed, and a state before it is reported; a lower
// term is never obeyed; the lease counts from when the request left.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "keeper/core/correspondence.h"
#include "keeper/core/house.h"
#include "keeper/core/lease.h"
#include "keeper/core/ready.h"
#include "keeper/core/retry.h"
#include "keeper/core/role.h"
#include "keeper/core/steps.h"

namespace autoctl::keeper {

class Core {
 public:
  /// `saved` as it was found on disk, with this start's epoch in it. Nothing is fenced until the monitor had time to
  /// answer.
  Core(Identity self, SavedState saved, TimePoint now);

  // ---- in: the worker
  /// What Postgres looks like now. Asked for by Ready::look; welcome at any time while no order is under way.
  void observed(Observation seen, TimePoint now);
  /// Ready::save is durable.
  void saved(TimePoint now);
  void save_failed(Error error, TimePoint now);
  /// Ready::order was carried out.
  void finished(TimePoint now);
  void failed(Error error, TimePoint now);
  /// Of the order under way; -1 = unknown. Thread: as the order's.
  void progressed(int percent);
  /// keep_slots gave these standbys' slots up, so that the disk does not fill.
  void slots_given_up(const std::vector<NodeId>& standbys);
  /// Something that happened to Postgres and belongs into the event log.
  void tell(std::string news) { correspondence_.tell(std::move(news)); }
  /// An operator wants Postgres to read its configuration again.
  void request_reload() { reload_requested_ = true; }

  // ---- in: the network
  /// The answer to a report that left at `request_left`. True if the worker should look at it now.
  bool answered(const protocol::Assignment& assignment, TimePoint request_left, TimePoint now);
  /// The monitor says that another keeper is this node, or was after the copy of it that this one holds. Postgres is
  /// killed, and nothing is done any more unless a later report is answered.
  void refused(const Error& why);
  /// A report with news up to this number was answered.
  void told(std::uint64_t last_news) { correspondence_.told(last_news); }
  /// A report did not arrive, or was not answered.
  void report_failed() { correspondence_.report_failed(); }
  /// The same, of an urgent one.
  void send_failed() { correspondence_.send_failed(); }
  void set_citus(std::optional<protocol::CitusFacts> facts, bool urgent);

  // ---- in: the fence
  void fenced() { fenced_ = true; }

  // ---- out
  /// What is to be done next. To be called by the worker when no order and no save is under way.
  Ready ready(TimePoint now);
  /// The order under way is no longer wanted: another goal came.
  bool cancelled() const;
  bool is_urgent() const { return correspondence_.is_urgent(); }
  protocol::Report next_report(bool wait) { return correspondence_.next_report(wait, published_, saved_); }
  /// The next heartbeat waits for what the worker sees of the upstream.
  bool owes_an_answer() const { return correspondence_.owes_an_answer(); }
  /// When Postgres has to be killed, unless something changes before; nullopt while there is nothing to guard.
  std::optional<TimePoint> fence_at() const;
  /// The next observation has to tell whether the upstream's port is open.
  bool wants_upstream_probe() const { return probes_upstream_ || correspondence_.asks_about_upstream(); }
  /// Postgres may be started by an operator: a server that runs is taken over.
  bool takes_over_servers() const;

  // ---- what is known
  const SavedState& saved_state() const { return saved_; }
  const NodeFacts& facts() const { return published_; }
  const std::optional<protocol::Assignment>& assignment() const { return correspondence_.assignment(); }
  bool is_fenced() const { return fenced_; }
  bool is_refused() const { return !refusal_.empty(); }
  /// Not while it may be a copy of the node that it says to be.
  bool may_act() const { return refusal_.empty() && !unproved_; }
  /// A Citus coordinator's plan, while this node is its group's primary and Postgres accepts writes.
  std::optional<protocol::CitusPlan> citus_duty() const;

 private:
  /// Steps under way, in a transition or between two.
  struct Run {
    enum class Purpose : unsigned char { transition, restart, stop, disown, end_trespass, house };
    Purpose purpose = Purpose::transition;
    Goal goal;
    std::span<const Step> steps;
    std::size_t at = 0;
    StepMemory memory;
  };
  enum class Saving : unsigned char { nothing, goal, reached };

  // obedience (obedience.cpp)
  std::optional<SavedState> newer_goal(TimePoint now);
  bool has_newer_goal() const;
  /// The newest goal cannot be remembered: then the one before it no longer counts either.
  bool disobeys() const;
  void goal_was_saved();
  void note(const std::string& notice);
  void became_the_node();
  void stand_aside();

  // runs (core.cpp)
  /// The first two are true when the worker has something to do.
  bool proceed(TimePoint now, Ready& ready);
  bool advance(TimePoint now, Ready& ready);
  void begin(TimePoint now);
  void begin_transition(TimePoint now);
  void start_run(Run::Purpose purpose, std::span<const Step> steps);
  void give(Order order, Ready& ready);
  void save_reached(Ready& ready);
  void reached_was_saved(TimePoint now);
  void end_run(const Error& error, TimePoint now);
  void rest(TimePoint now, Ready& ready);
  void publish();

  // what should run while the goal stays the same (upkeep.cpp)
  Role wanted_role() const { return role_of(saved_.state); }
  bool was_promoted_by_somebody_else() const;
  void begin_upkeep(TimePoint now);
  void end_foreign_promotion();
  void tolerate();
  void start_again(TimePoint now);
  void upkeep_done(Run::Purpose purpose, TimePoint now);

  void failed_task(const Error& error, TimePoint now);
  void succeeded();
  void say(LogLine::Level level, std::string text) { log_.push_back({level, std::move(text)}); }

  const Identity self_;
  SavedState saved_;
  SavedState saving_state_;
  Saving saving_ = Saving::nothing;
  std::uint64_t unsaved_version_ = 0;  // of the assignment whose goal could not be saved

  Observation seen_;
  bool stale_ = true;  // something was done to Postgres since
  bool probes_upstream_ = false;
  TimePoint last_answer_;  // of Postgres to a query
  NodeFacts facts_, published_;

  std::optional<Order> order_;  // under way
  std::optional<Run> run_;
  House house_;
  Retry retry_;
  std::string last_failure_;  // as it was logged
  TimePoint settled_since_;
  bool reload_requested_ = false;

  Correspondence correspondence_;
  Lease lease_;
  bool fenced_ = false;
  bool unproved_ = false;  // and the monitor has not answered yet
  std::string refusal_;    // the monitor's words; empty while it takes this keeper for the node
  std::string notice_;     // the monitor's, as it was last logged
  std::vector<LogLine> log_;
  std::vector<HookPoint> hooks_;
  bool resting_ = false;  // what was reached is told before anything else is begun
};

}  // namespace autoctl::keeper
