#include "keeper_model.h"

#include <cstring>
#include <unordered_map>

#include "keeper/core/core.h"
#include "orders.h"

namespace autoctl::explorer {

namespace {

using keeper::Core;
using keeper::Observation;
using keeper::Order;
using keeper::Ready;
using keeper::SavedState;

/// The keeper's clock: it has just started. Only differences matter.
constexpr TimePoint start_time{std::chrono::hours{24}};
constexpr std::chrono::hours long_time{1};
/// Longer than the core waits for anything before it tries something else.
constexpr Millis patience{11'000};
/// What has not happened after so many of these never does.
constexpr int waits_max = 3;

/// Of starting Postgres, one after the other.
constexpr int failures_until_it_gives_up = 3;
/// As long as it ever waits between two of them.
constexpr Millis retry_pause{2000};

/// Of a node's goals one is the monitor's newest, and one may be older; so may what was reached.
constexpr Term older_term{1}, goal_term{2}, newer_term{3};
/// Positions matter by comparison only.
constexpr Lsn behind{1}, written{2};

std::vector<NodeId> ids_of(std::uint8_t nodes) {
  std::vector<NodeId> ids;
  for (std::uint8_t n = 0; n < max_nodes; ++n)
    if ((nodes >> n & 1U) != 0) ids.push_back(core_id(n));
  return ids;
}

SyncQuorum quorum_of(const SimQuorum& sim) {
  return {sim.acks, ids_of(sim.voters)};
}

Goal goal_of(const SimGoal& sim, Term term) {
  return {.state = sim.state,
          .term = term,
          .upstream = core_id(sim.upstream),
          .sync = quorum_of(sim.sync),
          .fence = sim.fence,
          .checkpoint = sim.checkpoint,
          .await_lsn = sim.await_length != 0 ? written : Lsn{}};
}

/// Another node may be elected where it has to have what was acknowledged.
bool lease_required(const SimGoal& goal) {
  return !goal.sync.asynchronous();
}

/// Or where it need not: as for the primary, and for one that was deposed and may still serve.
bool is_strict(const View& view, const SimGoal& goal) {
  return view.strict_lease && goal.sync.asynchronous() &&
         (goal.state == NodeState::wait_primary || goal.state == NodeState::demote_timeout ||
          goal.state == NodeState::dropped);
}

SavedState saved_state(const View& view) {
  SavedState saved;
  saved.state = view.self.reached;
  saved.goal = goal_of(view.self.goal, goal_term);
  saved.term = view.self.done ? goal_term : older_term;
  saved.strict_lease = is_strict(view, view.self.goal);
  saved.lease_required = saved.strict_lease || lease_required(view.self.goal);
  for (std::uint8_t n = 0; n < view.size; ++n)
    if (n != view.node) saved.peers.push_back({.id = core_id(n), .name = "peer", .host = "host", .port = 5432});
  saved.epoch = 1;
  return saved;
}

/// A standby's upstream says why it does not let it stream. One that is no primary yet may refuse, too, but nothing
/// comes of it: there is no rewinding to a standby.
keeper::Refusal refusal(const View& view, const SimNode& self) {
  const bool follows = self.upstream != nobody && self.upstream == view.self.goal.upstream;
  if (!follows || !view.upstream_serves || view.fits_upstream) return keeper::Refusal::none;
  return self.lost_its_place ? keeper::Refusal::wal_gone : keeper::Refusal::diverged;
}

keeper::ServerView server_view(const View& view, const SimNode& self) {
  keeper::ServerView server;
  server.in_recovery = self.server == Server::standby;
  server.system_id = SystemId{1};
  server.timeline = Timeline{1};
  server.lsn = server.replayed = server.in_recovery && !view.has_what_awaits ? behind : written;
  server.sync = quorum_of(self.sync);
  server.receiving = server.in_recovery && view.receives;
  for (std::uint8_t n = 0; n < max_nodes; ++n)
    if (!server.in_recovery && (view.streaming >> n & 1U) != 0)
      server.senders.push_back({core_id(n), true, (view.caught_up >> n & 1U) != 0 ? written : behind});
  return server;
}

/// `self` may have changed since `view`.
Observation observation_of(const View& view, const SimNode& self, const Core& core) {
  Observation seen;
  seen.running = self.server != Server::stopped;
  seen.server = 1;
  if (seen.running) {
    seen.answer = server_view(view, self);
    seen.refusal = self.server == Server::standby ? refusal(view, self) : keeper::Refusal::none;
  } else {
    keeper::DiskView disk;
    disk.exists = disk.is_postgres = self.data != Data::absent;
    disk.system_id = SystemId{1};
    disk.timeline = Timeline{1};
    disk.end = written;
    seen.disk = std::move(disk);
  }
  seen.standby_signal = !self.opens_as_primary;
  seen.rewinding = self.data == Data::torn;
  if (core.wants_upstream_probe()) seen.upstream_port = view.upstream_serves ? PortState::open : PortState::silent;
  return seen;
}

struct Attempt {
  OrderResult outcome = OrderResult::nothing;
  SimNode after;
};

/// A keeper that has just started, and what the monitor has answered to its first report.
class Revived {
 public:
  explicit Revived(const View& view)
      : view_(view),
        self_(view.self),
        core_({.node = core_id(view.node), .pgdata = "/data"}, saved_state(view), start_time) {
    if (!view.is_leased) return;
    const SavedState& saved = core_.saved_state();
    const SimGoal& goal = view.is_told ? view.told : view.self.goal;
    protocol::Assignment answer{.version = 1, .lease = view.lease_is_over ? Millis{0} : Millis{long_time}};
    answer.goal = view.is_told ? goal_of(view.told, newer_term) : saved.goal;
    answer.strict_lease = is_strict(view, goal);
    answer.lease_required = answer.strict_lease || lease_required(goal);
    answer.peers = saved.peers;
    core_.answered(answer, now_, now_);
  }

  Core& core() { return core_; }
  const SimNode& self() const { return self_; }
  TimePoint now() const { return now_; }

  /// What it wants to save or to be done; idle if it waits. Looks for it as often as it asks.
  Ready ready() {
    for (;;) {
      Ready next = core_.ready(now_);
      if (!next.look) return next;
      look();
    }
  }
  void pass(Millis time) {
    now_ += time;
    look();
  }
  /// What its order would come to.
  Attempt attempt(const Order& order) const {
    Attempt attempt{.after = self_};
    attempt.outcome = carry_out(order, view_, attempt.after);
    return attempt;
  }
  /// It was carried out.
  void conclude(const Attempt& attempt) {
    self_ = attempt.after;
    if (attempt.outcome == OrderResult::fails)
      fail();
    else if (attempt.outcome == OrderResult::proves_impossible)
      core_.failed({Errc::conflict, "it can never work", ""}, now_);
    else
      core_.finished(now_);
  }
  void fail() { core_.failed({Errc::postgres, "it fails", ""}, now_); }
  void save(const SavedState& state) {
    if (state.goal.term == newer_term) {
      self_.goal = view_.told;
      self_.heard = true;
    }
    self_.reached = state.state;
    self_.done = state.settled();
  }

 private:
  void look() { core_.observed(observation_of(view_, self_, core_), now_); }

  const View view_;
  SimNode self_;
  TimePoint now_ = start_time;
  Core core_;
};

/// Some things are one piece with what they are done for: a stop with the rewind or copy after it, and the end of
/// receiving with the word that the missing WAL was fetched. A keeper that is revived in between would undo the first,
/// and if it were revived each time it would never come to an end. Nothing is hidden: a kill after a stop is as a crash
/// of Postgres, and after a fetch the keeper connects to its upstream again, where it was before.
bool replaces_data(const Order& order) {
  return order.kind == Order::Kind::rewind || order.kind == Order::Kind::copy;
}
bool ends_fetching(Order::Kind done, const SimNode& self) {
  return done == Order::Kind::stop_receiving && self.goal.state == NodeState::fast_forward;
}

Reaction react(const View& view) {
  Revived keeper(view);
  Reaction reaction;
  Order::Kind done = Order::Kind::configure;  // what has changed something
  for (int waits = 0; waits < waits_max;) {
    const Ready next = keeper.ready();
    if (next.idle()) {
      if (reaction.acts) break;
      keeper.pass(patience);
      ++waits;
      continue;
    }
    if (next.save) {
      if (reaction.acts && !ends_fetching(done, keeper.self())) break;
      keeper.save(*next.save);
      return {.acts = true, .after = keeper.self(), .violation = reaction.violation};
    }
    const Attempt attempt = keeper.attempt(*next.order);
    const bool changes = attempt.outcome == OrderResult::changes;
    const bool belongs = done == Order::Kind::stop && replaces_data(*next.order);
    if (changes && reaction.acts && !belongs) break;
    if (const char* forbidden = why_forbidden(*next.order, keeper.self())) reaction.violation = forbidden;
    if (changes) reaction = {.acts = true, .after = attempt.after, .violation = reaction.violation};
    if (changes && belongs) break;
    if (changes) done = next.order->kind;
    keeper.conclude(attempt);
  }
  return reaction;
}

/// What a report tells that leaves while the keeper is at work on this world: the first thing that would change the
/// world has failed, it has rested, and tries again. A Postgres that does not start has failed until it gives up.
SimFacts tell(const View& view) {
  Revived keeper(view);
  int rests = 0;
  bool does_not_start = false;
  for (;;) {
    const Ready next = keeper.ready();
    const Attempt attempt = next.order ? keeper.attempt(*next.order) : Attempt{};
    const bool would_change_it = next.save || attempt.outcome == OrderResult::changes;
    if (next.order) does_not_start = next.order->kind == Order::Kind::start && attempt.outcome == OrderResult::fails;
    const bool is_known = rests > (does_not_start ? failures_until_it_gives_up - 1 : 0);
    if (is_known && (would_change_it || next.idle() || does_not_start)) break;
    if (next.idle()) {
      ++rests;
      keeper.pass(retry_pause);
    } else if (next.save) {
      keeper.core().save_failed({Errc::system, "it cannot be saved", ""}, keeper.now());
    } else if (would_change_it) {
      keeper.fail();
    } else {
      keeper.conclude(attempt);
    }
  }
  const NodeFacts facts = keeper.core().next_report(false).facts;
  SimFacts sim;
  sim.reported = true;
  sim.current = view.self.heard && facts.term == goal_term;
  sim.state = facts.state;
  sim.running = facts.postgres_running;
  sim.in_recovery = facts.in_recovery;
  sim.cannot_run = facts.cannot_run;
  sim.sync = sim_quorum(facts.sync_in_force);
  for (const NodeId standby : facts.streaming)
    sim.streaming = static_cast<std::uint8_t>(sim.streaming | 1U << node_of(standby));
  sim.receiving = facts.receiving;
  sim.timeline = facts.timeline ? 1 : 0;
  sim.length = facts.lsn ? 1 : 0;
  return sim;
}

bool would_fence(const View& view) {
  View alone = view;
  alone.is_leased = false;
  Revived keeper(alone);
  keeper.pass(std::chrono::duration_cast<Millis>(long_time));
  const auto at = keeper.core().fence_at();
  return at && *at <= keeper.now();
}

/// A pure function of a view, with a memory.
template <class Result>
class Remembered {
 public:
  explicit Remembered(Result (*function)(const View&)) : function_(function) {}
  const Result& operator()(const View& view) {
    const auto [entry, is_new] = known_.try_emplace(view);
    if (is_new) entry->second = function_(view);
    return entry->second;
  }

 private:
  struct SameBytes {
    bool operator()(const View& a, const View& b) const { return std::memcmp(&a, &b, sizeof a) == 0; }
  };
  struct Hash {
    std::size_t operator()(const View& view) const { return hash_bytes(&view, sizeof view); }
  };
  Result (*function_)(const View&);
  std::unordered_map<View, Result, Hash, SameBytes> known_;
};

}  // namespace

const Reaction& reaction_to(const View& view) {
  static Remembered<Reaction> remembered(react);
  return remembered(view);
}

const SimFacts& report_of(const View& view) {
  static Remembered<SimFacts> remembered(tell);
  return remembered(view);
}

bool fences_itself(const View& view) {
  static Remembered<bool> remembered(would_fence);
  return remembered(view);
}

}  // namespace autoctl::explorer
