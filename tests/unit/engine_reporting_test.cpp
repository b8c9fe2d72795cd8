// Reports: who may, what is held open, what is written, what a lost store changes.
#include "tests/support/engine_fixture.h"

namespace autoctl::test {
namespace {

using EngineReporting = EngineTest;

TEST_F(EngineReporting, FirstNodeIsSingleAndHasALease) {
  add("a");
  report(a());
  EXPECT_EQ(a().assignment.goal.state, NodeState::single);
  EXPECT_EQ(a().assignment.lease, monitor::Settings{}.lease);
  EXPECT_FALSE(a().assignment.lease_required) << "nobody else could be elected";
  EXPECT_TRUE(has_event("first_node_becomes_single", "goal"));
}

TEST_F(EngineReporting, TwoNodesBecomePrimaryAndSecondary) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  EXPECT_TRUE(a().assignment.lease_required);
  EXPECT_EQ(b().assignment.lease, Millis{0});
  EXPECT_TRUE(has_event("b has reached secondary", "report"));
  EXPECT_EQ(store.nodes.at(b().id).reported, NodeState::secondary);
}

TEST_F(EngineReporting, RefusesStrangersAndThePast) {
  add("a");
  a().report.sequence = 10;
  report(a());
  EXPECT_FALSE(a().refused);

  a().report.sequence = 3;
  report(a());
  ASSERT_TRUE(a().refused);
  EXPECT_EQ(refusal(a()), Errc::conflict);

  a().report.epoch = 2;  // the keeper started again: it counts from the beginning
  a().report.sequence = 0;
  report(a());
  EXPECT_FALSE(a().refused);
  a().report.epoch = 1;
  a().report.sequence = 99;
  report(a());
  EXPECT_EQ(refusal(a()), Errc::conflict) << "the keeper before the restart";
  a().report.epoch = 2;

  a().token = "guess";
  report(a());
  EXPECT_EQ(refusal(a()), Errc::denied);
  a().id = NodeId{77};
  report(a());
  EXPECT_EQ(refusal(a()), Errc::not_found);
}

TEST_F(EngineReporting, NewsOfANodeBecomeEventsOnce) {
  add("a");
  report(a());
  const auto told = [this](const std::string& words) {
    return std::ranges::count_if(store.all_events(), [&](const auto& event) {
      return event.kind == "report" && event.description == "a: " + words;
    });
  };
  a().report.news = {{1, "WAL was kept"}};
  report(a());
  a().report.news.push_back({2, "a slot was given up"});
  report(a());  // the first answer has not arrived yet
  EXPECT_EQ(told("WAL was kept"), 1);
  EXPECT_EQ(told("a slot was given up"), 1);
  a().report.epoch = 2;  // the keeper started again: it counts from the beginning
  a().report.sequence = 0;
  a().report.news = {{1, "WAL was kept"}};
  report(a());
  EXPECT_EQ(told("WAL was kept"), 2);
}

TEST_F(EngineReporting, RefusesAnotherProtocolAndAnotherCluster) {
  add("a");
  report(a());
  obey_and_report(a());
  a().report.protocol = protocol::version + 1;
  report(a());
  EXPECT_EQ(refusal(a()), Errc::incompatible);
  a().report.protocol = protocol::version;
  a().report.facts.system_id = SystemId{999};
  report(a());
  EXPECT_EQ(refusal(a()), Errc::bad_usage);
  EXPECT_EQ(store.groups.at({"default", 0}).system_id, SystemId{4711});
}

TEST_F(EngineReporting, HoldsWhatHasNothingToSayAndAnswersBeforeTheHeartbeatEnds) {
  add("a");
  report(a());
  obey_and_report(a());
  const int before = a().answers;
  report(a(), true);
  EXPECT_EQ(a().answers, before);
  pass(Millis{900});
  EXPECT_EQ(a().answers, before);
  pass(Millis{99});
  EXPECT_EQ(a().answers, before + 1);
}

TEST_F(EngineReporting, ANewAssignmentReleasesAHeldReportAtOnce) {
  add("a");
  report(a());
  obey_and_report(a());
  report(a(), true);
  const int before = a().answers;
  const auto version = a().assignment.version;
  add("b");
  EXPECT_EQ(a().answers, before + 1);
  EXPECT_GT(a().assignment.version, version);
  EXPECT_EQ(a().assignment.peers.size(), 1U);
}

TEST_F(EngineReporting, ANewerReportReleasesTheOlderOne) {
  add("a");
  report(a());
  obey_and_report(a());
  report(a(), true);
  const int before = a().answers;
  report(a(), true);
  EXPECT_EQ(a().answers, before + 1) << "one answered, one held";
}

TEST_F(EngineReporting, WritesNothingWhenNothingChanged) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const int before = store.commits;
  for (int i = 0; i < 20; ++i) {
    a().report.facts.lsn.value += 4096;
    b().report.facts.lsn = a().report.facts.lsn;
    pass_reporting(Millis{500});
  }
  EXPECT_EQ(store.commits, before);
}

TEST_F(EngineReporting, NobodyHearsOfWhatCouldNotBeWritten) {
  add("a");
  report(a());
  obey_and_report(a());
  add("b");
  report(b());
  obey(b());
  store.next_failure = MemoryStore::Failure::before_commit;
  report(b());  // would make the primary open up
  EXPECT_FALSE(engine->store_available());
  report(a());
  EXPECT_EQ(a().assignment.goal.state, NodeState::single);
  EXPECT_GT(a().assignment.lease, Millis{0}) << "answers from memory renew the lease";
  EXPECT_FALSE(state().store_available);
  EXPECT_EQ(register_node(request("c")).error().code, Errc::unavailable);

  engine->restore(*store.load());
  report(a());
  EXPECT_EQ(a().assignment.goal.state, NodeState::wait_primary);
  EXPECT_TRUE(has_event("b has reached wait_standby")) << "what was reported meanwhile is told afterwards";
  EXPECT_TRUE(has_event("nothing was decided meanwhile", "monitor"));
}

TEST_F(EngineReporting, ACommitInDoubtThatHappenedIsFoundAfterTheReload) {
  add("a");
  report(a());
  obey_and_report(a());
  add("b");
  report(b());
  obey(b());
  store.next_failure = MemoryStore::Failure::after_commit;
  report(b());
  report(a());
  EXPECT_EQ(a().assignment.goal.state, NodeState::single) << "told before it was known to be written";

  engine->restore(*store.load());
  report(a());
  EXPECT_EQ(a().assignment.goal.state, NodeState::wait_primary);
  const auto& events = store.all_events();
  const auto told =
      std::ranges::count_if(events, [](const auto& e) { return e.description == "b has reached wait_standby"; });
  EXPECT_EQ(told, 1) << "what was in the commit in doubt is not told twice";
}

TEST_F(EngineReporting, AfterARestartNobodyIsJudgedBeforeTheGraceIsOver) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  start_engine();
  const auto term = store.groups.at({"default", 0}).term;
  pass(monitor::Settings{}.startup_grace - Millis{100});
  for (const auto& node : state().nodes) EXPECT_EQ(node.health, "suspected");
  EXPECT_EQ(store.groups.at({"default", 0}).term, term);
  a().assignment.version = 0;
  report(a());
  EXPECT_EQ(a().assignment.goal.state, NodeState::primary);
}

TEST_F(EngineReporting, AVersionIsNeverReusedByALaterMonitorProcess) {
  add("a");
  report(a());
  const auto version = a().assignment.version;
  now += Millis{5};
  start_engine();
  report(a());
  EXPECT_GT(a().assignment.version, version);
}

TEST_F(EngineReporting, ANodeThatMovedIsFoundAtItsNewAddress) {
  add("a");
  add("b");
  const int taken = b().report.port;
  a().report.host = "10.0.0.9";
  a().report.port = 6543;
  report(a());
  EXPECT_EQ(store.nodes.at(a().id).host, "10.0.0.9");
  EXPECT_TRUE(has_event("a is at 10.0.0.9:6543 now, and was at 127.0.0.1:", "report"));
  report(b());
  EXPECT_EQ(b().assignment.peers.at(0).port, 6543);
  a().report.host = "127.0.0.1";
  a().report.port = taken;
  report(a());
  EXPECT_EQ(store.nodes.at(a().id).port, 6543) << "two nodes cannot be at one address";
}

/// Else it waits until the group is looked at for another reason, and its node is suspected meanwhile.
/// `show uri` names it, and the command that changes the next node asks for it.
TEST_F(EngineReporting, ANodeThatEncryptsInAnotherWaySaysSo) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  a().report.ssl_mode = "verify-full";
  report(a());
  EXPECT_EQ(store.nodes.at(a().id).ssl_mode, "verify-full");
  a().report.ssl_mode = "";  // an older keeper's
  report(a());
  EXPECT_EQ(store.nodes.at(a().id).ssl_mode, "verify-full");
  a().report.ssl_mode = "require host=elsewhere";
  report(a());
  EXPECT_EQ(store.nodes.at(a().id).ssl_mode, "verify-full");
}

TEST_F(EngineReporting, AHoldThatHasJustEndedIsAnsweredByWhateverComesNext) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  report(a(), true);
  const int before = a().answers;
  now += Millis{951};  // past the hold, and no tick has come yet
  report(b());
  EXPECT_EQ(a().answers, before + 1);
  engine->tick();
  EXPECT_GT(engine->next_tick(), now) << "it is not looked at again and again";
}

/// Others have its addresses in pg_hba.conf.
TEST_F(EngineReporting, OthersLookUpTheNameOfANodeThatWasAway) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const auto epoch_of_b = [&] { return a().assignment.peers.at(0).address_epoch; };
  const auto starts_again = [&] {
    ++b().report.epoch;
    b().report.sequence = 0;
    report(b());
    report(a());
  };
  starts_again();
  EXPECT_EQ(epoch_of_b(), 0U) << "an address stays what it is";
  b().report.host = "b.example";
  report(b());
  report(a());
  const auto before = epoch_of_b();
  starts_again();
  EXPECT_NE(epoch_of_b(), before);
}

TEST_F(EngineReporting, OthersHearFromWhereANodeConnects) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const auto of_b = [&] { return a().assignment.peers.at(0).addresses; };
  const std::vector<IpAddress> some = {*IpAddress::parse("10.0.0.2")};
  b().report.addresses = some;
  report(b());
  report(a());
  EXPECT_EQ(of_b(), some);
  EXPECT_EQ(store.nodes.at(b().id).addresses, some);
  b().report.addresses.reset();  // its keeper has just started, and does not know yet
  report(b());
  report(a());
  EXPECT_EQ(of_b(), some);
  b().report.addresses = std::vector<IpAddress>(protocol::addresses_max + 1, some.front());
  report(b());
  EXPECT_TRUE(b().refused);
  report(a());
  EXPECT_EQ(of_b(), some);
}

}  // namespace
}  // namespace autoctl::test
