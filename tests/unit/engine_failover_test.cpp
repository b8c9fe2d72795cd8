// Evidence and what follows from it: the path from a broken connection to a promotion, and why there must be none.
#include "tests/support/engine_fixture.h"

namespace autoctl::test {
namespace {

using monitor::ProbedPort;

class EngineFailover : public EngineTest {
 protected:
  void refuse(PretendedKeeper& keeper) {
    now += Millis{1};
    engine->probed(keeper.id, ProbedPort::postgres, PortState::refused);
    engine->probed(keeper.id, ProbedPort::keeper, PortState::refused);
  }
  void no_longer_receives(PretendedKeeper& keeper) {
    keeper.report.facts.receiving = false;
    keeper.report.facts.upstream_port = PortState::refused;
  }
};

TEST_F(EngineFailover, ABrokenConnectionStartsProbesAndAQuestionToTheStandbyAtOnce) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const int before = b().answers;
  engine->disconnected(a().connection);
  EXPECT_TRUE(prober.watched.contains(a().id));
  EXPECT_EQ(b().answers, before + 1);
  EXPECT_TRUE(b().assignment.check_upstream);
  EXPECT_EQ(b().assignment.goal.state, NodeState::secondary);
}

TEST_F(EngineFailover, ConclusiveEvidencePromotesWithinTheSameRoundTrip) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  engine->disconnected(a().connection);
  refuse(a());
  report(b(), true);  // still hears it: no reason to act
  EXPECT_EQ(b().assignment.goal.state, NodeState::secondary);
  now += Millis{2};
  no_longer_receives(b());
  report(b());
  EXPECT_EQ(b().assignment.goal.state, NodeState::prepare_promotion);
  EXPECT_TRUE(b().assignment.goal.fence);
  EXPECT_EQ(store.nodes.at(a().id).goal.state, NodeState::demote_timeout);
  EXPECT_TRUE(has_event("primary_is_dead", "goal"));

  obey_and_report(b());
  EXPECT_EQ(b().assignment.goal.state, NodeState::stop_replication);
  obey_and_report(b());
  EXPECT_EQ(b().assignment.goal.state, NodeState::wait_primary);
  EXPECT_GT(b().assignment.lease, Millis{0});
}

const Fingerprint certificate_of_a = *Fingerprint::parse(std::string(64, 'a'));

/// Its own role's password at the others; for exactly as long as it says so.
TEST_F(EngineFailover, AVerifierIsKnownToTheOthersAndKept) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const ScramVerifier verifier = *ScramVerifier::parse("SCRAM-SHA-256$4096:" + std::string(22, 'a') + "==$" +
                                                       std::string(43, 'b') + "=:" + std::string(43, 'c') + "=");
  b().report.verifier = verifier;
  report(b(), true);
  EXPECT_EQ(a().assignment.peers.front().verifier, verifier);
  EXPECT_EQ(store.nodes.at(b().id).verifier, verifier);
  b().report.verifier = {};  // a keeper of an earlier version
  report(b(), true);
  report(a(), false);
  EXPECT_TRUE(a().assignment.peers.front().verifier.is_none());
}

/// What a node shows goes to those who look for it: the prober, and its peers.
TEST_F(EngineFailover, ACertificateIsKnownToAllWhoLook) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  a().report.certificates = {.postgres = {certificate_of_a}, .keeper = {Fingerprint{}}};
  report(a(), true);
  ASSERT_EQ(b().assignment.peers.size(), 1U);
  EXPECT_EQ(b().assignment.peers.front().certificates, std::vector{certificate_of_a});
  a().report.certificates.reset();
  report(a(), true);
  engine->disconnected(a().connection);
  EXPECT_EQ(prober.targets.at(a().id).certificates, (protocol::ShownCertificates{{certificate_of_a}, {Fingerprint{}}}))
      << "a keeper that does not know yet takes nothing back";
}

TEST_F(EngineFailover, AStrangerAtTheDeadPrimarysPortDelaysNothing) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  a().report.certificates = {.postgres = {certificate_of_a}, .keeper = {}};
  report(a(), true);
  engine->disconnected(a().connection);
  now += Millis{1};
  engine->probed(a().id, ProbedPort::postgres, PortState::stranger);
  engine->probed(a().id, ProbedPort::keeper, PortState::refused);
  b().report.facts.receiving = false;
  b().report.facts.upstream_port = PortState::stranger;
  report(b());
  EXPECT_EQ(b().assignment.goal.state, NodeState::prepare_promotion);
  EXPECT_TRUE(has_event("taken by another server"));
}

/// What a standby found there before is no news: the node may have come back to its address.
TEST_F(EngineFailover, AnEarlierStrangerIsNoEvidence) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  b().report.facts.upstream_port = PortState::stranger;
  report(b(), true);
  engine->disconnected(a().connection);
  now += Millis{1};
  engine->probed(a().id, ProbedPort::postgres, PortState::open);
  engine->probed(a().id, ProbedPort::keeper, PortState::refused);
  b().report.facts.receiving = false;
  b().assignment.version = 0;  // the question has not come yet
  report(b(), true);
  EXPECT_EQ(store.nodes.at(b().id).goal.state, NodeState::secondary);
  report(b(), true);
  EXPECT_EQ(store.nodes.at(b().id).goal.state, NodeState::prepare_promotion) << "asked now, it says so again";
}

TEST_F(EngineFailover, AKeeperThatDiesAloneCostsNothing) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  engine->disconnected(a().connection);
  engine->probed(a().id, ProbedPort::postgres, PortState::open);
  engine->probed(a().id, ProbedPort::keeper, PortState::refused);
  pass_reporting(Millis{20'000}, {&a()});
  EXPECT_EQ(b().assignment.goal.state, NodeState::secondary);
  EXPECT_EQ(state().nodes[0].health, "unreachable");
  now += Millis{1};
  report(a());
  EXPECT_EQ(state().nodes[0].health, "healthy");
  EXPECT_FALSE(prober.watched.contains(a().id));
}

TEST_F(EngineFailover, PlainSilenceTakesTheTimeout) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  no_longer_receives(b());
  pass_reporting(Millis{2'500}, {&a()});
  engine->probed(a().id, ProbedPort::postgres, PortState::silent);
  engine->probed(a().id, ProbedPort::keeper, PortState::silent);
  EXPECT_EQ(b().assignment.goal.state, NodeState::secondary);
  pass_reporting(Millis{2'000}, {&a()});
  EXPECT_EQ(b().assignment.goal.state, NodeState::prepare_promotion);
}

TEST_F(EngineFailover, AQuestionIsAnsweredOnceAndAskedAgainOnlyAfterAWhile) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  engine->disconnected(a().connection);
  ASSERT_TRUE(b().assignment.check_upstream);
  b().report.facts.upstream_port = PortState::open;
  report(b());
  EXPECT_FALSE(b().assignment.check_upstream) << "it has just answered";
  const int before = b().answers;
  report(b(), true);
  EXPECT_EQ(b().answers, before) << "nothing to ask, nothing to say: held";
  pass(Millis{30});
  EXPECT_EQ(b().answers, before + 1);
  EXPECT_TRUE(b().assignment.check_upstream) << "the suspicion lasts, and the first answer may have come too early";
}

TEST_F(EngineFailover, TheLongerASuspicionLastsTheLessOftenWitnessesAreAsked) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  engine->disconnected(a().connection);
  b().report.facts.upstream_port = PortState::silent;
  const auto asked_within = [&](Millis time) {
    int count = 0;
    for (Millis passed{0}; passed < time; passed += Millis{10}) {
      if (b().assignment.check_upstream) ++count;
      report(b(), true);
      pass(Millis{10});
    }
    return count;
  };
  const int at_first = asked_within(Millis{200});
  asked_within(Millis{800});
  const int then = asked_within(Millis{1000});
  asked_within(Millis{9'000});
  const int at_last = asked_within(Millis{10'000});
  EXPECT_GE(at_first, 4);
  EXPECT_NEAR(then, 5, 1);
  EXPECT_NEAR(at_last, 5, 1);
}

TEST_F(EngineFailover, AMonitorThatLosesSightOfEverybodySuspectsItself) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  pass(Millis{3'000});
  for (auto& keeper : keepers) {
    engine->probed(keeper->id, ProbedPort::postgres, PortState::silent);
    engine->probed(keeper->id, ProbedPort::keeper, PortState::silent);
  }
  pass(Millis{10'000});
  EXPECT_FALSE(state().trusts_itself);
  EXPECT_TRUE(has_event("suspects itself", "monitor"));
  // The standby is back first and hears nothing of the primary: that must not be enough while the monitor was blind.
  for (auto& keeper : keepers) report(*keeper);
  EXPECT_TRUE(state().trusts_itself);
  EXPECT_EQ(store.nodes.at(a().id).goal.state, NodeState::primary);
}

TEST_F(EngineFailover, TimeInWhichTheMonitorItselfStoodStillProvesNothing) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  engine->wake();
  now += Millis{60'000};
  engine->wake();
  engine->probed(a().id, ProbedPort::postgres, PortState::silent);
  no_longer_receives(b());
  report(b());
  engine->tick();
  EXPECT_EQ(b().assignment.goal.state, NodeState::secondary);
  EXPECT_TRUE(state().trusts_itself);
  EXPECT_EQ(state().nodes[0].health, "healthy");
}

TEST_F(EngineFailover, RefusedPortsAreNoReasonToDoubtOneself) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  for (auto& keeper : keepers) engine->disconnected(keeper->connection);
  for (auto& keeper : keepers) refuse(*keeper);
  pass(Millis{5'000});
  EXPECT_TRUE(state().trusts_itself);
}

TEST_F(EngineFailover, AStandbyThatStopsStreamingLeavesTheQuorum) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  b().report.facts.receiving = false;
  a().report.facts.streaming.clear();
  pass_reporting(Millis{4'500});
  EXPECT_EQ(a().assignment.goal.state, NodeState::primary);
  pass_reporting(Millis{1'500});
  EXPECT_EQ(a().assignment.goal.state, NodeState::wait_primary);
  EXPECT_FALSE(a().assignment.lease_required);
}

TEST_F(EngineFailover, AStallIsCountedUpToThePrimarysLastWord) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  b().report.facts.receiving = false;
  a().report.facts.streaming.clear();
  pass_reporting(Millis{4'500});
  pass_reporting(Millis{1'000}, {&a()});
  EXPECT_EQ(a().assignment.goal.state, NodeState::primary) << "meanwhile it may stream again, or hear nothing any more";
  report(a(), true);
  EXPECT_EQ(a().assignment.goal.state, NodeState::wait_primary);
}

TEST_F(EngineFailover, AStallThatOneSawAndAnotherThatTheOtherSawAreNotOneLongOne) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  b().report.facts.receiving = false;
  pass_reporting(Millis{4'500});
  a().report.facts.streaming.clear();
  report(a(), true);
  b().report.facts.receiving = true;
  pass_reporting(Millis{4'500});
  EXPECT_EQ(a().assignment.goal.state, NodeState::primary);
  pass_reporting(Millis{1'000});
  EXPECT_EQ(a().assignment.goal.state, NodeState::wait_primary);
}

TEST_F(EngineFailover, PostgresThatCannotRunLosesTheRoleByItsKeepersWord) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  b().report.facts.receiving = false;
  report(b());
  a().report.facts.postgres_running = false;
  a().report.facts.cannot_run = true;
  a().report.facts.trouble = "the disk is broken";
  report(a());
  EXPECT_EQ(a().assignment.goal.state, NodeState::demote_timeout);
  EXPECT_TRUE(has_event("the disk is broken"));
}

TEST_F(EngineFailover, OnlyTheConnectionOfTheLastReportCounts) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const auto old = a().connection;
  a().connection = 99;
  report(a(), true);
  engine->disconnected(old);
  EXPECT_EQ(state().nodes[0].health, "healthy");
  engine->disconnected(99);
  EXPECT_EQ(state().nodes[0].health, "suspected");
}

TEST_F(EngineFailover, AnElectionThatWaitsIsToldOnceForEachSetOfMissingNodes) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  add("c");
  settle();
  PretendedKeeper& c = *keepers[2];
  const auto dies = [&](PretendedKeeper& keeper) {
    engine->disconnected(keeper.connection);
    refuse(keeper);
  };
  const auto told = [&] {
    return std::ranges::count_if(
        store.all_events(), [](const auto& e) { return e.description.starts_with("no standby can be elected: c ("); });
  };
  dies(c);
  EXPECT_EQ(told(), 0) << "the primary lives";
  dies(a());
  no_longer_receives(b());
  pass_reporting(Millis{3'000}, {&a(), &c});
  EXPECT_EQ(store.nodes.at(b().id).goal.state, NodeState::secondary) << "c may have the last commits";
  EXPECT_EQ(told(), 1);
}

/// What is known of a lost node comes and goes with each probe.
TEST_F(EngineFailover, ThatNobodyCanBeElectedIsToldOnceForEachSetOfMissingNodes) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  PretendedKeeper& c = add("c");
  settle();
  hold_all();
  const auto told = [this] {
    return std::ranges::count_if(store.all_events(), [](const auto& event) {
      return event.description.find("no standby can be elected") != std::string::npos;
    });
  };
  engine->disconnected(a().connection);
  engine->disconnected(c.connection);
  no_longer_receives(b());
  for (int i = 0; i < 20; ++i) {
    if (i % 2 == 0)
      for (auto* gone : {&a(), &c}) refuse(*gone);
    pass_reporting(Millis{2'500}, {&a(), &c});
  }
  EXPECT_EQ(told(), 1);
}

TEST_F(EngineFailover, WhereFailoversAreManualAnOperatorBeginsThem) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  engine->change_settings({"default", {{"manual_failover", "0"}}}, {}, [](const auto& done) { ASSERT_TRUE(done); });
  engine->disconnected(a().connection);
  no_longer_receives(b());
  for (int i = 0; i < 8; ++i) {
    refuse(a());
    pass_reporting(Millis{1'000}, {&a()});
  }
  EXPECT_EQ(store.nodes.at(a().id).goal.state, NodeState::primary);
  EXPECT_TRUE(has_event("failovers are manual here: would fail over now because a is dead", "monitor"));
  EXPECT_NE(state().groups[0].waiting_for.find("autoctl perform failover"), std::string::npos);
  refuse(a());
  std::optional<Result<protocol::OperationDocument>> started;
  engine->start_operation({}, {}, [&](auto answer) { started = std::move(answer); });
  ASSERT_TRUE(*started) << started->error().message;
  for (int i = 0; i < 6; ++i) {
    report(b());
    obey(b());
  }
  EXPECT_EQ(store.nodes.at(b().id).goal.state, NodeState::wait_primary);
  EXPECT_EQ(store.operations.rbegin()->second.status, monitor::OperationStatus::done);
}

}  // namespace
}  // namespace autoctl::test
