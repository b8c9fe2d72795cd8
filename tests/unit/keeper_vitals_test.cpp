// Whether a client would be served, from what probes say and from what they do not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "keeper/core/vitals.h"
#include "keeper_core_fixture.h"

namespace autoctl::keeper::test {
namespace {

using testing::HasSubstr;
using Cause = Pulse::Cause;

class KeeperVitals : public testing::Test {
 protected:
  KeeperVitals() { answers(); }

  void answers() {
    Observation seen{.running = true, .server = 1};
    seen.answer = ServerView{.lsn = flushed, .flush_awaited = flush_awaited};
    vitals.observed(seen, now);
  }
  void feels(Pulse::Of of, bool alive, Cause cause = Cause::load) {
    vitals.felt({.of = of, .alive = alive, .cause = cause, .why = "a reason"}, now);
  }
  /// Time passes as it does for a keeper whose threads run.
  template <class Meanwhile>
  void pass(Millis duration, Meanwhile meanwhile) {
    for (const TimePoint until = now + duration; now < until; now += 250ms) {
      if ((now - TimePoint{}) % 1s == Millis(0)) meanwhile();
      vitals.tick(now);
    }
  }
  void pass(Millis duration) {
    pass(duration, [] {});
  }

  TimePoint now{1h};
  Lsn flushed{1000};
  bool flush_awaited = false;
  Vitals vitals;
};

constexpr auto session = Pulse::Of::session;
constexpr auto disk = Pulse::Of::disk;

TEST_F(KeeperVitals, AFrozenPostmasterIsDeadThoughOldSessionsAnswer) {
  pass(7s, [this] {
    answers();
    feels(disk, true);
    feels(session, false, Cause::stands_still);
  });
  EXPECT_EQ(vitals.failure(), "");
  pass(2s, [this] {
    answers();
    feels(disk, true);
    feels(session, false, Cause::stands_still);
  });
  EXPECT_THAT(vitals.failure(), HasSubstr("no client was let in"));
  EXPECT_THAT(vitals.failure(), HasSubstr("a reason"));
}

TEST_F(KeeperVitals, ServerThatSaysThatItCannotLetAnybodyInIsDead) {
  const auto refuses = [this] {
    answers();
    feels(disk, true);
    feels(session, false, Cause::broken);
  };
  pass(7s, refuses);
  EXPECT_EQ(vitals.failure(), "") << "it may be over soon";
  pass(2s, refuses);
  EXPECT_THAT(vitals.failure(), HasSubstr("no client was let in"));
  EXPECT_FALSE(vitals.stands_still()) << "whoever is connected is served";
}

TEST_F(KeeperVitals, LoadIsNotDeath) {
  pass(10min, [this] {
    answers();
    feels(disk, true);
    feels(session, false);  // a connection takes long, and the postmaster works
  });
  EXPECT_EQ(vitals.failure(), "");
  const auto nobody_answers = [this] {
    feels(session, false);
    feels(disk, true);
  };
  pass(15s, nobody_answers);
  EXPECT_EQ(vitals.failure(), "") << "nor does our own session get an answer: for a while";
  pass(10s, nobody_answers);
  EXPECT_THAT(vitals.failure(), HasSubstr("no client was let in"));
}

TEST_F(KeeperVitals, AProbeThatHangsSaysNothingAndThatCounts) {
  pass(8s, [this] { feels(session, true); });
  EXPECT_EQ(vitals.failure(), "");
  pass(2s, [this] { feels(session, true); });
  EXPECT_THAT(vitals.failure(), HasSubstr("has not come back"));
}

TEST_F(KeeperVitals, ADiskThatIsSlowButFlushesWalIsLoad) {
  pass(1min, [this] {
    flushed.value += 100;
    flush_awaited = true;
    answers();
    feels(session, true);
  });
  EXPECT_EQ(vitals.failure(), "");
}

TEST_F(KeeperVitals, WalThatIsNotFlushedIsDeathThoughEverythingElseAnswers) {
  const auto all_is_well = [this] {
    answers();
    feels(session, true);
    feels(disk, true);
  };
  pass(1min, all_is_well);
  EXPECT_EQ(vitals.failure(), "");
  flush_awaited = true;
  pass(7s, all_is_well);
  EXPECT_EQ(vitals.failure(), "");
  pass(3s, all_is_well);
  EXPECT_THAT(vitals.failure(), HasSubstr("no WAL was flushed"));
  flush_awaited = false;
  pass(3s, all_is_well);
  EXPECT_THAT(vitals.failure(), HasSubstr("no WAL was flushed")) << "well again only when it has been for a while";
  pass(2s, all_is_well);
  EXPECT_EQ(vitals.failure(), "");
}

TEST_F(KeeperVitals, OneErrorIsAnAccidentTwoAreNot) {
  feels(disk, false);
  pass(1s, [this] { feels(session, true); });
  EXPECT_EQ(vitals.write_failure(), "");
  feels(disk, false);
  pass(1s, [this] { feels(session, true); });
  EXPECT_EQ(vitals.write_failure(), "a reason");
  EXPECT_EQ(vitals.failure(), "") << "it serves what it can";
}

TEST_F(KeeperVitals, NobodyIsBlamedForWhatWeSlept) {
  pass(5s, [this] { feels(session, false, Cause::stands_still); });
  now += 1h;
  vitals.tick(now);
  EXPECT_EQ(vitals.failure(), "");
}

TEST_F(KeeperVitals, WhatWasSeenWhileWeSleptIsNotTakenForSomethingLater) {
  vitals.tick(now);
  now += 1h;
  feels(session, true);
  feels(disk, true);
  vitals.tick(now);
  pass(9s, [this] {
    answers();
    feels(disk, true);
    feels(session, false, Cause::stands_still);
  });
  EXPECT_THAT(vitals.failure(), HasSubstr("no client was let in"));
}

TEST_F(KeeperVitals, WhatIsStoppedOrStartsIsNotExpectedToServe) {
  vitals.suspend();
  pass(1h);
  EXPECT_EQ(vitals.failure(), "");
  vitals.observed({.running = true, .server = 2}, now);
  EXPECT_FALSE(vitals.expects()) << "it has not answered yet";
  answers();
  EXPECT_TRUE(vitals.expects());
  EXPECT_EQ(vitals.failure(), "");
}

// ---- the core tells it, whatever the worker does

TEST_F(KeeperCore, AHungServerIsReportedAtOnceAlsoWhileTheWorkerIsStuck) {
  begin_as_primary();
  core->next_report(false);
  std::string said;
  for (int turn = 0; turn < 40 && said.empty(); ++turn) {
    now += 250ms;
    core->felt({.of = session, .cause = Cause::stands_still, .why = "it hangs"}, now);
    said = core->check_vitals(now);
  }
  EXPECT_THAT(said, HasSubstr("it hangs"));
  EXPECT_TRUE(core->is_urgent());
  const auto report = core->next_report(false);
  EXPECT_TRUE(report.facts.cannot_run);
  EXPECT_THAT(report.facts.trouble, HasSubstr("it hangs"));
  core->observed(seen, now);
  rest();
  EXPECT_TRUE(core->facts().cannot_run) << "though its own session still answers";
}

/// As probes find it that are made every second; what the worker sees stays as it is.
class KeeperBesideAHungServer : public KeeperCore {
 protected:
  void hangs_for(Millis duration) {
    for (const TimePoint until = now + duration; now < until; now += 250ms) {
      core->felt({.of = session, .cause = Cause::stands_still, .why = "it hangs"}, now);
      core->felt({.of = disk, .alive = true, .why = {}}, now);
      core->check_vitals(now);
      core->observed(seen, now);
      rest();
    }
  }
  void another_node_is_electable(bool yes) {
    auto same = assignment(core->saved_state().goal);
    same.lease_required = yes;
    same.lease = 1h;
    core->answered(same, now, now);
  }
};

TEST_F(KeeperBesideAHungServer, RestartsItWhereNobodyCanReplaceIt) {
  begin_as_primary();
  another_node_is_electable(false);
  hangs_for(8s);
  EXPECT_THAT(orders, testing::Not(testing::Contains(Kind::stop)));
  orders.clear();
  hangs_for(1s);
  EXPECT_THAT(orders, testing::IsSupersetOf({Kind::stop, Kind::start}));
  orders.clear();
  hangs_for(7s);
  EXPECT_THAT(orders, testing::Not(testing::Contains(Kind::stop))) << "it has just begun";
}

TEST_F(KeeperBesideAHungServer, LeavesItToTheMonitorForAWhileWhereAnotherNodeCanReplaceIt) {
  begin_as_primary();
  another_node_is_electable(true);
  hangs_for(18s);
  EXPECT_THAT(orders, testing::Not(testing::Contains(Kind::stop)));
  hangs_for(2s);
  EXPECT_THAT(orders, testing::IsSupersetOf({Kind::stop, Kind::start})) << "the monitor may be away";
}

TEST_F(KeeperBesideAHungServer, RestartsAStandby) {
  begin_as_standby();
  another_node_is_electable(true);
  hangs_for(10s);
  EXPECT_THAT(orders, testing::IsSupersetOf({Kind::stop, Kind::start}));
}

TEST_F(KeeperBesideAHungServer, GivesUpAWaitForItsQuorum) {
  begin_as_primary();
  seen.answer->senders.clear();
  Goal wanted = goal(NodeState::primary, 6);
  wanted.sync = {1, {other}};
  assign(wanted);
  rest();
  another_node_is_electable(false);
  hangs_for(10s);
  EXPECT_THAT(orders, testing::Contains(Kind::stop));
}

TEST_F(KeeperCore, AServerThatIsStoppedOnPurposeIsNotHung) {
  begin_as_primary();
  assign(goal(NodeState::demoted, 6));
  ASSERT_TRUE(next().save);
  core->saved(now);
  ASSERT_EQ(next().order->kind, Kind::stop);
  for (int turn = 0; turn < 400; ++turn) EXPECT_EQ(core->check_vitals(now += 250ms), "");
}

}  // namespace
}  // namespace autoctl::keeper::test
