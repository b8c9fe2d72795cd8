// What the keeper decides: single-threaded and deterministic, without a clock, thread, socket, file or query of its
// own. It hears what happened, and says as a value (Ready) what to do next. The product runs it on a real Postgres
// (src/keeper/agent), the simulator and the explorer run it on pretended ones.
//
//   in                                               out
//   observed      what Postgres looks like           ready         what to save, then what to do, or when to look again
//   saved, save_failed                               next_report   what to tell the monitor, once is_urgent() or the
//   finished, failed      an order is over                         heartbeat's time has come
//   answered, send_failed the monitor's word         fence_at      when Postgres has to be killed
//   fenced        that was done                      cancelled     the order under way is no longer wanted
//
// It keeps to this order (docs/architecture.md): it saves a goal before it obeys it, and a state before it reports it.
// It never obeys a lower term. A lease counts from the moment at which the report left.
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
#include "keeper/core/vitals.h"

namespace autoctl::keeper {

class Core {
 public:
  /// `saved` is what was found on disk, with the epoch of this start. The fence waits until the monitor had time to
  /// answer.
  Core(Identity self, SavedState saved, TimePoint now);

  // ---- in: the worker
  /// What Postgres looks like now. Ready::look asks for it; it may come at any time while no order is under way.
  void observed(Observation seen, TimePoint now);
  /// Ready::save is durable.
  void saved(TimePoint now);
  void save_failed(Error error, TimePoint now);
  /// Ready::order was carried out.
  void finished(TimePoint now);
  void failed(Error error, TimePoint now);
  /// Of the order under way; -1 = unknown. Thread: as the order's.
  void progressed(int percent);
  /// Order keep_slots has dropped these standbys' slots, so that the disk does not fill.
  void slots_given_up(const std::vector<NodeId>& standbys);
  /// Something happened to Postgres that belongs into the event log.
  void tell(std::string news) { correspondence_.tell(std::move(news)); }
  /// An operator wants Postgres to read its configuration again.
  void request_reload() { reload_requested_ = true; }
  /// And this one, that Postgres stops in order and starts again.
  void request_restart() { restart_requested_ = true; }

  // ---- in: the network
  /// The answer to a report that left at `request_left`. True if the worker should look at it now.
  bool answered(const protocol::Assignment& assignment, TimePoint request_left, TimePoint now);
  /// The monitor says that another keeper is this node, or was after the copy of it that this one holds. Postgres is
  /// killed, and nothing is done any more unless a later report is answered.
  void refused(const Error& why);
  /// A report with news up to this number was answered.
  void told(std::uint64_t last_news) { correspondence_.told(last_news); }
  /// The monitor knows no such node, as it answered to a report that left then.
  void unknown_to_monitor(TimePoint request_left) { hears_of_retirement(request_left); }
  /// A report did not arrive, or was not answered.
  void report_failed() { correspondence_.report_failed(); }
  /// The same, of an urgent one.
  void send_failed() { correspondence_.send_failed(); }
  void set_citus(std::optional<protocol::CitusFacts> facts, bool urgent);
  /// From which this node connects to the others, as it knows by now.
  void set_addresses(std::vector<IpAddress> addresses) { correspondence_.set_addresses(std::move(addresses)); }
  /// Which this node's servers may show from now on.
  void set_certificates(protocol::ShownCertificates certificates) {
    correspondence_.set_certificates(std::move(certificates));
  }
  /// Of the password of this node's own role at the others; none: it has none.
  void set_verifier(ScramVerifier verifier) { correspondence_.set_verifier(std::move(verifier)); }

  // ---- in: the probes of what a client would get
  void felt(const Pulse& pulse, TimePoint now) { vitals_.felt(pulse, now); }
  /// To be called a few times a second, also while the worker is stuck. What is to be said in the log now, if anything.
  std::string check_vitals(TimePoint now);
  bool expects_service() const { return vitals_.expects(); }
  bool vitals_are_good() const { return vitals_.failure().empty() && vitals_.write_failure().empty(); }

  // ---- in: the fence
  void fenced() { fenced_ = end_is_ours_ = true; }

  // ---- out
  /// What to do next. The worker calls this when no order and no save is under way.
  Ready ready(TimePoint now);
  /// The order under way is no longer wanted: another goal came.
  bool cancelled() const;
  bool is_urgent() const { return correspondence_.is_urgent(); }
  /// It is to leave at `left`, and its lease will count from then.
  protocol::Report next_report(bool wait, TimePoint left = {});
  /// The next heartbeat waits for what the worker sees of the upstream.
  bool owes_an_answer() const { return correspondence_.owes_an_answer(); }
  /// When Postgres has to be killed, unless something changes before; nullopt while there is nothing to guard.
  std::optional<TimePoint> fence_at() const;
  /// The same for Postgres' guard, that ends it also if this keeper dies; nullopt while a quorum, or nothing, does.
  std::optional<TimePoint> guarded_until() const;
  /// The next observation has to tell whether the upstream's port is open.
  bool wants_upstream_probe() const { return probes_upstream_ || correspondence_.asks_about_upstream(); }
  /// An operator may start Postgres in this state: the keeper takes over a server that runs.
  bool takes_over_servers() const;

  // ---- what is known
  const SavedState& saved_state() const { return saved_; }
  const NodeFacts& facts() const { return published_; }
  const std::optional<protocol::Assignment>& assignment() const { return correspondence_.assignment(); }
  bool is_fenced() const { return fenced_; }
  /// The node was dropped, has stopped, and the monitor knows that or has not answered for long: nothing is left to do.
  bool has_retired(TimePoint now) const;
  bool is_refused() const { return !refusal_.empty(); }
  /// Not while it may be a copy of the node that it says to be.
  bool may_act() const { return refusal_.empty() && !unproved_; }
  /// A Citus coordinator's plan, while this node is its group's primary and Postgres accepts writes.
  std::optional<protocol::CitusPlan> citus_duty() const;

 private:
  /// Steps under way, in a transition or between two.
  struct Run {
    enum class Purpose : unsigned char { transition, restart, stop, hold, disown, end_trespass, house };
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
  bool starts_without_lease(TimePoint now) const;
  void give(Order order, Ready& ready);
  void save_reached(Ready& ready);
  void reached_was_saved(TimePoint now);
  void end_run(const Error& error, TimePoint now);
  void rest(TimePoint now, Ready& ready);
  void publish(TimePoint now);
  /// What is told: what the worker saw, and what the probes found.
  NodeFacts facts_to_tell() const;
  void hears_of_retirement(TimePoint request_left);

  // who else starts and stops Postgres (service.cpp)
  void notice_end(const Observation& seen, TimePoint now);
  void notice_restart_needs(const Observation& seen);
  /// Nothing is started now: somebody else has just stopped it, or an operator wants it stopped.
  bool leaves_stopped(TimePoint now);
  void restart_by_request();

  // a server that hangs (hung.cpp)
  bool hangs_unreplaced(TimePoint now) const;
  void end_hung_server();

  // what should run while the goal stays the same (upkeep.cpp)
  Role wanted_role() const { return role_of(saved_.state); }
  bool lets_no_session_in() const;
  void restart_for_sessions();
  bool was_promoted_outside_autoctl() const;
  void begin_upkeep(TimePoint now);
  void end_foreign_promotion();
  void tolerate();
  void start_again(TimePoint now);
  void notice_replay(const ServerView& server);
  void upkeep_done(Run::Purpose purpose, TimePoint now);

  void failed_task(const Error& error, TimePoint now);
  void succeeded();
  void say(LogLine::Level level, std::string text) { log_.push_back({level, std::move(text)}); }
  /// In the log and in the event log.
  void announce(std::string text) {
    say(LogLine::Level::warning, text);
    tell(std::move(text));
  }

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
  TimePoint looked_, published_looked_;  // when the look at Postgres began that these are from
  Vitals vitals_;

  std::optional<Order> order_;  // under way
  std::optional<Run> run_;
  House house_;
  Retry retry_;
  std::string last_failure_;  // as it was logged
  TimePoint settled_since_;
  bool reload_requested_ = false;
  bool restart_requested_ = false;
  std::vector<std::string> restart_needs_;  // as they were last told
  bool enlarged_ = false;                   // it was restarted to get the settings that its primary has
  bool restarted_for_sessions_ = false;     // it was restarted as it let no session in
  bool pause_told_ = false;                 // replay is paused, by somebody's wish
  bool end_is_ours_ = true;                 // the server that runs, or ran, was stopped by us
  std::optional<TimePoint> left_alone_;     // until then: others have stopped it

  Correspondence correspondence_;
  Lease lease_;
  bool fenced_ = false;
  bool unproved_ = false;  // and the monitor has not answered yet
  std::string refusal_;    // the monitor's words; empty while it takes this keeper for the node
  std::string notice_;     // the monitor's, as it was last logged
  std::vector<LogLine> log_;
  std::vector<HookPoint> hooks_;
  std::optional<TimePoint> retired_;  // since then each report says that this node, which was dropped, has stopped
  bool retirement_is_known_ = false;
  bool resting_ = false;  // the report of what was reached goes out before anything else begins
};

}  // namespace autoctl::keeper
