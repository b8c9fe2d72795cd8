// A monitor that has more to do than it can suspects no node for its own lateness, and says so.
#include "tests/support/engine_fixture.h"

namespace autoctl {
namespace {

using monitor::ProbedPort;

class EngineOverload : public test::EngineTest {
 protected:
  std::string health_of(std::size_t node) { return state().nodes[node].health; }
  /// Time passes; the nodes' reports come and wait, or are turned away.
  void pass_unheard(Millis duration) {
    for (Millis done{0}; done < duration; done += Millis{500}) {
      for (auto& keeper : keepers) engine->heard(keeper->id, {keeper->token, 0});
      pass(Millis{500});
    }
  }
  void pass_deaf(Millis duration) {
    for (Millis done{0}; done < duration; done += Millis{100}) {
      pass(Millis{100});
      engine->wake(true);
    }
  }
};

TEST_F(EngineOverload, ANodeWhoseReportsWaitLives) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  pass_unheard(Millis{30'000});
  EXPECT_EQ(health_of(0), "healthy");
  EXPECT_EQ(health_of(1), "healthy");
  EXPECT_TRUE(prober.watched.empty());
  EXPECT_TRUE(state().trusts_itself);
  pass(Millis{2'000});
  EXPECT_EQ(health_of(0), "suspected") << "now it is silent";
}

TEST_F(EngineOverload, AKeeperThatCameBackAndWaitsIsNotCutOff) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  engine->disconnected(a().connection);
  EXPECT_EQ(health_of(0), "suspected");
  pass(Millis{50});
  engine->heard(a().id, {a().token, 0});
  pass(Millis{100});
  EXPECT_EQ(health_of(0), "healthy");
}

TEST_F(EngineOverload, OnlyTheNodesCredentialSpeaksForIt) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  for (int i = 0; i < 10; ++i) {
    engine->heard(a().id, {"guessed", 0});
    engine->heard(NodeId{99}, {a().token, 0});
    report(b(), true);
    pass(Millis{500});
  }
  EXPECT_NE(health_of(0), "healthy");
}

/// What it said last is as old as it was: it proves nothing about another node now.
TEST_F(EngineOverload, ANodeThatWasOnlyHeardIsNoWitness) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  b().report.facts.receiving = false;
  report(b());
  engine->disconnected(a().connection);
  pass(Millis{10});
  for (int i = 0; i < 20; ++i) {
    engine->heard(b().id, {b().token, 0});
    engine->probed(a().id, ProbedPort::postgres, PortState::refused);
    engine->probed(a().id, ProbedPort::keeper, PortState::refused);
    pass(Millis{500});
  }
  EXPECT_NE(health_of(0), "dead");
  EXPECT_EQ(store.nodes.at(a().id).goal.state, NodeState::primary);
}

TEST_F(EngineOverload, ADeafMonitorSuspectsNoSilence) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  pass_deaf(Millis{60'000});
  EXPECT_EQ(health_of(0), "healthy");
  EXPECT_EQ(health_of(1), "healthy");
  EXPECT_TRUE(prober.watched.empty());
  EXPECT_FALSE(has_event("suspects itself"));
  engine->wake();
  pass(Millis{2'000});
  EXPECT_EQ(health_of(0), "suspected");
}

/// A connection that it had, and that broke, is no matter of its own.
TEST_F(EngineOverload, ADeafMonitorStillReplacesAPrimaryThatDies) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  pass_deaf(Millis{10'000});
  engine->disconnected(a().connection);
  b().report.facts.receiving = false;
  b().report.facts.upstream_port = PortState::refused;
  for (int i = 0; i < 20; ++i) {
    pass(Millis{20});
    engine->wake(true);
    engine->probed(a().id, ProbedPort::postgres, PortState::refused);
    engine->probed(a().id, ProbedPort::keeper, PortState::refused);
    report(b(), true);
  }
  EXPECT_NE(store.nodes.at(b().id).goal.state, NodeState::secondary) << health_of(0) << state().nodes[0].health_reason;
}

/// Nothing tells that a connection broke; but a standby that is heard says that it misses it.
TEST_F(EngineOverload, ADeafMonitorReplacesASilentPrimaryThatAStandbyMisses) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  b().report.facts.receiving = false;
  b().report.facts.upstream_port = PortState::silent;
  for (int i = 0; i < 100; ++i) {
    engine->wake(true);
    engine->probed(a().id, ProbedPort::postgres, PortState::silent);
    engine->probed(a().id, ProbedPort::keeper, PortState::silent);
    if (i % 10 == 0) report(b());
    pass(Millis{100});
  }
  EXPECT_NE(store.nodes.at(b().id).goal.state, NodeState::secondary) << health_of(0) << state().nodes[0].health_reason;
}

/// The word of a standby that is not heard any more is as old as it was.
TEST_F(EngineOverload, ADeafMonitorDoesNotBelieveAnOldWord) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  b().report.facts.receiving = false;
  b().report.facts.upstream_port = PortState::silent;
  report(b());
  for (int i = 0; i < 300; ++i) {
    engine->wake(true);
    engine->probed(a().id, ProbedPort::postgres, PortState::silent);
    engine->probed(a().id, ProbedPort::keeper, PortState::silent);
    pass(Millis{100});
  }
  EXPECT_EQ(store.nodes.at(a().id).goal.state, NodeState::primary);
  EXPECT_EQ(store.nodes.at(b().id).goal.state, NodeState::secondary);
}

/// It waited for the engine when its node died.
TEST_F(EngineOverload, AReportFromBeforeTheEndOfItsConnectionIsNoSignOfLife) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  engine->disconnected(a().connection);
  pass(Millis{10});
  engine->heard(a().id, {a().token, a().connection});
  pass(Millis{10});
  EXPECT_EQ(health_of(0), "suspected");
}

TEST_F(EngineOverload, TimeInTheMonitorsOwnQueueIsPartOfTheHold) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const int before = a().answers;
  ++a().report.sequence;
  a().report.wait = true;
  a().report.known_version = a().assignment.version;
  engine->report(a().id, a().report, {.bearer = a().token, .connection = a().connection, .waited = Millis{800}},
                 [this](const Result<protocol::Assignment>&) { ++a().answers; });
  const int answered = a().answers;
  EXPECT_EQ(answered, before + 1) << "the older one";
  pass(Millis{100});
  EXPECT_EQ(a().answers, answered);
  pass(Millis{60});
  EXPECT_EQ(a().answers, answered + 1);
}

/// The keeper says nothing before it is answered, and the monitor did not come round to that.
TEST_F(EngineOverload, ANodeIsNotSilentWhileItsAnswerIsLate) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  now += Millis{1'950};  // the answers were due a second ago
  report(b(), true);
  EXPECT_EQ(health_of(0), "healthy");
  EXPECT_TRUE(prober.watched.empty());
  engine->tick();
  pass(Millis{400});
  EXPECT_EQ(health_of(0), "healthy") << "it has had no more time than others have";
  pass(Millis{200});
  EXPECT_EQ(health_of(0), "suspected");
}

TEST_F(EngineOverload, IsInTheStateAndInTheEvents) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  EXPECT_EQ(state().overload, "");
  engine->overloaded(true, "there is too much");
  EXPECT_EQ(state().overload, "there is too much");
  EXPECT_TRUE(has_event("there is too much", "monitor"));
  engine->overloaded(false, "there is no more");
  EXPECT_EQ(state().overload, "");
  EXPECT_TRUE(has_event("there is no more", "monitor"));
}

/// As after a restart: no report was taken in yet, but nodes come.
TEST_F(EngineOverload, AfterARestartANodeThatWaitsIsNotTakenForDead) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  start_engine();
  for (int i = 0; i < 60; ++i) {
    for (auto& keeper : keepers) engine->heard(keeper->id, {keeper->token, 0});
    engine->probed(a().id, ProbedPort::postgres, PortState::silent);
    engine->probed(a().id, ProbedPort::keeper, PortState::silent);
    pass(Millis{500});
  }
  EXPECT_EQ(health_of(0), "suspected");
  EXPECT_NE(state().nodes[0].health_reason.find("no time for its first report"), std::string::npos);
  EXPECT_EQ(store.nodes.at(a().id).goal.state, NodeState::primary);
}

}  // namespace
}  // namespace autoctl
