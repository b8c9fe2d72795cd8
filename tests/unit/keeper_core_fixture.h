// A keeper core beside a Postgres that is what a test says.
#pragma once

#include <gtest/gtest.h>

#include "keeper/core/core.h"

namespace autoctl::keeper::test {

using namespace std::chrono_literals;
using Kind = Order::Kind;

inline constexpr NodeId self{1}, other{2};

inline Goal goal(NodeState state, std::uint64_t term, NodeId upstream = {}) {
  return {.state = state, .term = Term{term}, .upstream = upstream};
}

class KeeperCore : public testing::Test {
 protected:
  /// A keeper that has reached its goal, beside a Postgres that is what this asks for.
  void begin(const Goal& reached) {
    core.emplace(Identity{.node = self, .pgdata = "/data"},
                 SavedState{.state = reached.state,
                            .term = reached.term,
                            .goal = reached,
                            .peers = {{.id = other, .name = "other", .host = "h2", .port = 5432}},
                            .epoch = 7},
                 now);
  }
  void begin_as_primary(SyncQuorum sync = {1, {other}}) {
    Goal reached = goal(NodeState::primary, 5);
    reached.sync = sync;
    runs_as_primary(sync);
    begin(reached);
    rest();
  }
  void begin_as_standby() {
    runs_as_standby();
    begin(goal(NodeState::secondary, 5, other));
    rest();
  }
  void runs_as_primary(SyncQuorum sync) {
    seen = {.running = true, .server = 1};
    seen.answer = ServerView{.timeline = Timeline{1}, .lsn = Lsn{100}, .sync = std::move(sync)};
    seen.answer->senders = {{other, true, Lsn{100}}};
  }
  void runs_as_standby() {
    seen = {.running = true, .server = 1, .standby_signal = true};
    seen.answer = ServerView{.in_recovery = true, .timeline = Timeline{1}, .lsn = Lsn{100}, .receiving = true};
  }
  /// `end`: of its WAL; 0 after a crash.
  void is_stopped(bool standby, Lsn end = {}) {
    seen = {.server = seen.server, .standby_signal = standby, .forked = seen.forked};
    seen.disk = DiskView{.exists = true, .is_postgres = true, .end = end};
  }

  protocol::Assignment assignment(const Goal& wanted) {
    return {.version = ++version, .goal = wanted, .peers = core->saved_state().peers};
  }
  void assign(const Goal& wanted) { core->answered(assignment(wanted), now, now); }

  /// Saves, looks and carries orders out, which all work, until the core rests or `last` was carried out.
  Ready rest(std::optional<Kind> last = {}) {
    for (int turn = 0; turn < 100; ++turn) {
      Ready ready = core->ready(now);
      if (ready.idle()) return ready;
      if (ready.look) core->observed(seen, now);
      if (ready.save) {
        saves.push_back(*ready.save);
        core->saved(now);
      }
      if (!ready.order) continue;
      orders.push_back(ready.order->kind);
      react(*ready.order);
      core->finished(now);
      if (last == ready.order->kind) return ready;
    }
    ADD_FAILURE() << "it does not come to rest";
    return {};
  }
  /// As far as the core sees it.
  void react(const Order& order) {
    if (order.kind == Kind::start) {
      ++seen.server;
      seen.standby_signal ? runs_as_standby() : runs_as_primary({});
    }
    if (order.kind == Kind::stop) is_stopped(seen.standby_signal, Lsn{100});
    if (order.kind == Kind::rewind || order.kind == Kind::copy) {
      is_stopped(true, Lsn{100});
      seen.forked = false;
    }
    if (order.kind == Kind::set_upstream) seen.standby_signal = true;
    if (order.kind == Kind::mark_forked) seen.forked = true;
    if (order.kind == Kind::set_sync && seen.answer) seen.answer->sync = order.sync;
    if (order.kind == Kind::stop_receiving && seen.answer) seen.answer->receiving = false;
    if (order.kind == Kind::promote && seen.answer) {
      seen.answer->in_recovery = seen.standby_signal = false;
    }
  }
  /// The next thing that is not a look.
  Ready next() {
    Ready ready = core->ready(now);
    if (!ready.look) return ready;
    core->observed(seen, now);
    return core->ready(now);
  }

  TimePoint now{1h};
  std::optional<Core> core;
  Observation seen;
  std::vector<Kind> orders;
  std::vector<SavedState> saves;
  std::uint64_t version = 0;
};

}  // namespace autoctl::keeper::test
