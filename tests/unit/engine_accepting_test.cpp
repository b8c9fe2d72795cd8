// `accept timeline` at the monitor: what is refused, what is written down, and that it comes to an end.
#include "tests/support/engine_fixture.h"

namespace autoctl::test {
namespace {

class EngineAccepting : public EngineTest {
 protected:
  /// a is dead; somebody has promoted b, and its keeper has stopped it.
  void disagree() {
    ASSERT_NO_FATAL_FAILURE(make_pair());
    engine->disconnected(a().connection);
    now += Millis{1};
    b().report.facts.forked = true;
    b().report.facts.postgres_running = b().report.facts.in_recovery = b().report.facts.receiving = false;
    b().report.facts.timeline = Timeline{2};
    b().report.facts.history = {{Timeline{1}, Lsn{100}}};
    report(b());
    engine->probed(a().id, monitor::ProbedPort::postgres, PortState::refused);
    engine->probed(a().id, monitor::ProbedPort::keeper, PortState::refused);
    pass_reporting(Millis{20'000}, {&a()});
    ASSERT_EQ(store.nodes.at(b().id).goal.state, NodeState::secondary);
  }
  Result<protocol::OperationDocument> accept(std::uint32_t timeline, const std::string& reason,
                                             const std::string& name = {}) {
    std::optional<Result<protocol::OperationDocument>> result;
    engine->start_operation({.kind = "accept_timeline", .name = name, .timeline = Timeline{timeline}, .reason = reason},
                            {}, [&](Result<protocol::OperationDocument> answer) { result = std::move(answer); });
    return *result;
  }
};

TEST_F(EngineAccepting, TheOnlyOneLeftGoesOnWithWhatItHas) {
  ASSERT_NO_FATAL_FAILURE(disagree());
  EXPECT_NE(state().groups.at(0).waiting_for.find("autoctl accept timeline"), std::string::npos);
  EXPECT_EQ(state().nodes.at(1).health, "healthy")
      << "that its keeper has stopped it is no failure: " << state().nodes.at(1).health_reason;
  const auto started = accept(2, "b took writes for an hour");
  ASSERT_TRUE(started) << started.error().message;
  EXPECT_TRUE(
      has_event("an operator accepts timeline 2 (b took writes for an hour): timeline 2 is that of b", "operator"));
  EXPECT_TRUE(has_event("given up: what a (last seen at ", "operator"));
  for (int round = 0; round < 3; ++round) obey_and_report(b());
  EXPECT_EQ(store.nodes.at(b().id).goal.state, NodeState::wait_primary);
  EXPECT_TRUE(store.nodes.at(b().id).goal.keep_history);
  EXPECT_EQ(store.operations.at(started->id).status, monitor::OperationStatus::done)
      << store.operations.at(started->id).message;
  EXPECT_EQ(store.nodes.at(a().id).goal.state, NodeState::demoted);
}

TEST_F(EngineAccepting, ItGoesOnAfterTheMonitorWasAway) {
  ASSERT_NO_FATAL_FAILURE(disagree());
  const auto started = accept(2, "b took writes for an hour");
  ASSERT_TRUE(started);
  start_engine();
  report(b());
  EXPECT_NE(store.nodes.at(b().id).goal.state, NodeState::wait_primary) << "leases of before the start are not known";
  for (int round = 0; round < 12; ++round) {
    pass(Millis{500});
    obey_and_report(b());
  }
  EXPECT_EQ(store.operations.at(started->id).status, monitor::OperationStatus::done)
      << store.operations.at(started->id).message;
}

TEST_F(EngineAccepting, WhatMakesNoSenseIsRefusedAndChangesNothing) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const auto refused = [&](const Result<protocol::OperationDocument>& answer, Errc code, const char* words) {
    ASSERT_FALSE(answer) << words;
    EXPECT_EQ(answer.error().code, code) << answer.error().message;
    EXPECT_NE(answer.error().message.find(words), std::string::npos) << answer.error().message;
  };
  a().report.facts.timeline = b().report.facts.timeline = Timeline{1};
  report(a());
  report(b());
  refused(accept(1, "x"), Errc::conflict, "a is the primary, and is on timeline 1 already");
  refused(accept(2, "x"), Errc::conflict, "a is the primary, on timeline 1, and is healthy");
  refused(accept(0, "x"), Errc::bad_usage, "which timeline");
  keepers.clear();
  store = MemoryStore();
  start_engine();
  ASSERT_NO_FATAL_FAILURE(disagree());
  refused(accept(7, "x"), Errc::not_found, "no node that is here is on timeline 7: ");
  refused(accept(2, "x", "a"), Errc::not_found, "a is not here, or not on timeline 2");
  refused(accept(2, ""), Errc::bad_usage, "given up: what a ");
  refused(accept(2, std::string(501, 'x')), Errc::bad_usage, "longer than 500");
  refused(accept(2, "two\nlines"), Errc::bad_usage, "control characters");
  EXPECT_TRUE(store.operations.empty());
  EXPECT_EQ(store.nodes.at(b().id).goal.state, NodeState::secondary);
}

TEST_F(EngineAccepting, TwoHistoriesOfOneNumberNeedAName) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  auto& c = add("c");
  settle();
  engine->disconnected(a().connection);
  now += Millis{1};
  for (auto* keeper : {&b(), &c}) {
    auto& facts = keeper->report.facts;
    facts.forked = true;
    facts.postgres_running = facts.in_recovery = facts.receiving = false;
    facts.timeline = Timeline{2};
    facts.history = {{Timeline{1}, Lsn{static_cast<std::uint64_t>(100 + keeper->id.value)}}};
    report(*keeper);
  }
  engine->probed(a().id, monitor::ProbedPort::postgres, PortState::refused);
  engine->probed(a().id, monitor::ProbedPort::keeper, PortState::refused);
  pass_reporting(Millis{6'000}, {&a()});
  const auto which = accept(2, "c has more");
  ASSERT_FALSE(which);
  EXPECT_NE(which.error().hint.find("--name"), std::string::npos) << which.error().message;
  const auto started = accept(2, "c has more", "c");
  ASSERT_TRUE(started) << started.error().message;
  EXPECT_EQ(store.operations.at(started->id).target, c.id);
}

}  // namespace
}  // namespace autoctl::test
