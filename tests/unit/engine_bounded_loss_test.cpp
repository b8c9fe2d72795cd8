// What a standby may lack of what its primary acknowledged, as the monitor computes it from what the primary's keeper
// said of its WAL and of its clock; and that the lease is strict before anything counts on it.
#include "tests/support/engine_fixture.h"

namespace autoctl::test {
namespace {

using monitor::ProbedPort;

class EngineBoundedLoss : public EngineTest {
 protected:
  /// The keepers' clock is far from the monitor's.
  Millis clock() const { return std::chrono::duration_cast<Millis>(now.time_since_epoch()) + Millis{7'000'000}; }

  void set(const std::string& name, const std::string& value) {
    engine->change_settings({"default", {{name, value}}}, {},
                            [](const auto& done) { ASSERT_TRUE(done) << done.error().message; });
  }
  /// A pair whose commits wait for no standby.
  void make_asynchronous_pair() {
    for (const char* name : {"a", "b"}) {
      auto node = request(name);
      node.replication_quorum = false;
      add(node);
    }
    settle();
    ASSERT_EQ(a().assignment.goal.state, NodeState::wait_primary);
    ASSERT_EQ(b().assignment.goal.state, NodeState::secondary);
  }
  /// The same, with failovers that may lose something; both have heard so.
  void make_pair_that_may_lose(const std::string& time = "8000") {
    ASSERT_NO_FATAL_FAILURE(make_asynchronous_pair());
    set("failover_max_lost_time", time);
    speak(Lsn{0x3000000});
    speak(Lsn{0x3000000});
  }
  /// The primary reports; its keeper looked just now.
  void speak(Lsn lsn) {
    a().report.left = a().report.looked = clock();
    a().report.facts.lsn = lsn;
    a().report.strict_lease = a().assignment.strict_lease;
    report(a());
    a().report.leased_until = std::max(a().report.leased_until, a().report.left + a().assignment.lease);
  }
  void standby_has(Lsn lsn) {
    b().report.facts.lsn = lsn;
    report(b());
  }
  /// Its host refuses, and no WAL comes.
  void a_dies() {
    engine->disconnected(a().connection);
    now += Millis{1};
    engine->probed(a().id, ProbedPort::postgres, PortState::refused);
    engine->probed(a().id, ProbedPort::keeper, PortState::refused);
    b().report.facts.receiving = false;
    b().report.facts.upstream_port = PortState::refused;
    now += Millis{1};
    report(b());
  }
  NodeState goal_of_b() const { return store.nodes.at(keepers[1]->id).goal.state; }
};

TEST_F(EngineBoundedLoss, APrimaryThatWaitsForNoStandbyIsReplacedWhenItsLeaseIsOver) {
  ASSERT_NO_FATAL_FAILURE(make_pair_that_may_lose());
  ASSERT_TRUE(a().assignment.strict_lease);
  ASSERT_TRUE(a().assignment.lease_required);
  EXPECT_FALSE(b().assignment.strict_lease);
  speak(Lsn{0x3000100});
  standby_has(Lsn{0x3000100});
  const TimePoint granted = now;
  a_dies();
  ASSERT_EQ(goal_of_b(), NodeState::prepare_promotion);
  EXPECT_TRUE(has_event("failover_with_bounded_loss", "goal"));
  EXPECT_TRUE(has_event("b takes over and may lack what a acknowledged in its last 4.0 s, and 0 bytes"));
  EXPECT_TRUE(a().assignment.strict_lease) << "also while it goes";
  while (now < granted + Millis{4'400}) {
    obey_and_report(b());
    b().report.facts.lsn = Lsn{0x3000100};
    pass(Millis{100});
    ASSERT_EQ(goal_of_b(), NodeState::prepare_promotion);
  }
  b().report.facts.lsn = Lsn{0x3000100};
  report(b());
  pass(Millis{300});
  EXPECT_EQ(goal_of_b(), NodeState::stop_replication);
}

TEST_F(EngineBoundedLoss, NothingHappensWithoutTheSetting) {
  ASSERT_NO_FATAL_FAILURE(make_asynchronous_pair());
  EXPECT_FALSE(a().assignment.strict_lease);
  EXPECT_FALSE(a().assignment.lease_required);
  a_dies();
  pass_reporting(Millis{10'000}, {&a()});
  EXPECT_EQ(goal_of_b(), NodeState::secondary);
}

TEST_F(EngineBoundedLoss, AStandbyThatLacksMoreBytesIsNotPromotedAndItIsSaidWhy) {
  ASSERT_NO_FATAL_FAILURE(make_pair_that_may_lose());
  set("failover_max_lost_bytes", "255");
  speak(Lsn{0x3000100});
  a_dies();
  pass_reporting(Millis{10'000}, {&a()});
  EXPECT_EQ(goal_of_b(), NodeState::secondary);
  EXPECT_TRUE(has_event("256 bytes of the WAL that it had reported: more than is allowed", "monitor"));
  engine->probed(a().id, ProbedPort::postgres, PortState::refused);
  EXPECT_NE(state().groups[0].waiting_for.find("more than is allowed"), std::string::npos);
}

TEST_F(EngineBoundedLoss, AStandbyThatWasBehindForLongIsNotPromoted) {
  ASSERT_NO_FATAL_FAILURE(make_pair_that_may_lose());
  for (int second = 1; second <= 5; ++second) {
    pass(Millis{1'000});
    speak(Lsn{0x3000000U + static_cast<unsigned>(second)});
    report(b());
  }
  a_dies();  // 5 s behind, and the lease is as long as 4 s more
  pass_reporting(Millis{10'000}, {&a()});
  EXPECT_EQ(goal_of_b(), NodeState::secondary);
}

TEST_F(EngineBoundedLoss, WhatTheKeeperSawLongBeforeItSpokeCountsAsOld) {
  ASSERT_NO_FATAL_FAILURE(make_pair_that_may_lose());
  pass(Millis{5'000});
  a().report.left = clock();
  a().report.looked = clock() - Millis{4'500};
  report(a());
  report(b());
  a_dies();
  EXPECT_EQ(goal_of_b(), NodeState::secondary) << "4.5 s, and a lease of 4 s";
}

TEST_F(EngineBoundedLoss, NoLeaseCountsThatIsNotKnownToBeStrict) {
  ASSERT_NO_FATAL_FAILURE(make_asynchronous_pair());
  set("failover_max_lost_time", "8000");
  a().report.left = a().report.looked = clock();
  report(a());  // it hears of it now
  ASSERT_TRUE(a().assignment.strict_lease);
  a_dies();
  EXPECT_EQ(goal_of_b(), NodeState::secondary);
}

TEST_F(EngineBoundedLoss, ALeaseThatWasStrictBeforeIsNotTakenForOneThatIsAgain) {
  ASSERT_NO_FATAL_FAILURE(make_pair_that_may_lose());
  set("failover_max_lost_time", "0");
  report(a());
  ASSERT_FALSE(a().assignment.strict_lease);
  a().report.left = a().report.looked = clock();
  a().report.strict_lease = true;  // it has not saved that yet
  report(a());
  set("failover_max_lost_time", "8000");
  a_dies();
  EXPECT_EQ(goal_of_b(), NodeState::secondary);
}

TEST_F(EngineBoundedLoss, AMonitorThatStartsAgainKnowsNothingUntilThePrimarySpeaks) {
  ASSERT_NO_FATAL_FAILURE(make_pair_that_may_lose());
  start_engine();
  report(b());
  pass_reporting(Millis{20'000}, {&a()});
  engine->probed(a().id, ProbedPort::postgres, PortState::silent);
  pass_reporting(Millis{5'000}, {&a()});
  EXPECT_EQ(goal_of_b(), NodeState::secondary);
}

TEST_F(EngineBoundedLoss, ItIsLongerThanALease) {
  add("a");
  std::optional<Result<>> done;
  engine->change_settings({"default", {{"failover_max_lost_time", "5999"}}}, {}, [&](auto answer) {
    done.emplace();
    if (!answer) *done = fail(answer.error());
  });
  ASSERT_TRUE(done);
  ASSERT_FALSE(*done);
  EXPECT_NE(done->error().message.find("at least lease plus twice the heartbeat (6000)"), std::string::npos);
  set("failover_max_lost_time", "6000");
}

}  // namespace
}  // namespace autoctl::test
