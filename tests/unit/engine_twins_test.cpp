// Two keepers that say to be one node (docs/operations/twins.md).
#include "keeper/core/instance_chain.h"
#include "tests/support/engine_fixture.h"

namespace autoctl::test {
namespace {

/// A node's directory, with a keeper that may be started and copied.
struct Directory {
  protocol::Instance on_disk;
  std::string place;
};

class EngineTwins : public EngineTest {
 protected:
  /// A pair whose keepers have identities, as shipped ones do.
  void make_known_pair() {
    add("a");
    add("b");
    starts(a(), at_a);
    starts(b(), at_b);
    settle();
    ASSERT_EQ(a().assignment.goal.state, NodeState::primary);
  }
  /// As begin_chain(): the first link is on disk before any report.
  void starts(PretendedKeeper& keeper, Directory& directory) {
    keeper::InstanceChain chain(directory.on_disk, directory.place);
    chain.saved(chain.with_link("link-" + std::to_string(++links_)), now);
    directory.on_disk = chain.current();
    directory.on_disk.place = place_before_[&directory];
    keeper.report.instance = chain.current();
    ++keeper.report.epoch;
    keeper.report.sequence = 0;
  }
  /// The monitor has answered: the chain gets one link more.
  void renews(PretendedKeeper& keeper, Directory& directory) {
    keeper::InstanceChain chain(keeper.report.instance, directory.place);
    chain.confirmed(keeper.report.instance.id);
    chain.saved(chain.with_link("link-" + std::to_string(++links_)), now);
    keeper.report.instance = directory.on_disk = chain.current();
    place_before_[&directory] = directory.place;
  }
  /// It is a()'s, and comes now.
  void expect_overtaken(const protocol::Report& late) {
    std::optional<Errc> refused;
    engine->report(a().id, late, {a().token, a().connection},
                   [&](const auto& answer) { refused = answer.error().code; });
    EXPECT_EQ(refused, Errc::conflict);
  }
  /// A report of a() that the next one overtakes, which the monitor cannot take in.
  protocol::Report overtaken_by_one_that_fails() {
    protocol::Report late = a().report;
    late.sequence = ++a().report.sequence;
    renews(a(), at_a);
    a().report.port = -1;
    report(a());
    EXPECT_EQ(refusal(a()), Errc::bad_usage);
    return late;
  }
  /// A keeper at another place starts no Postgres before it is answered.
  static PretendedKeeper as_copied(const PretendedKeeper& keeper) {
    PretendedKeeper copy = keeper;
    copy.connection += 100;
    copy.refused.reset();
    copy.report.facts.postgres_running = false;
    return copy;
  }
  PretendedKeeper& copy_of(const PretendedKeeper& keeper) {
    return *keepers.emplace_back(std::make_unique<PretendedKeeper>(as_copied(keeper)));
  }
  /// Until its end the keeper is silent, and a probe finds nothing at its ports.
  void is_lost(PretendedKeeper& keeper, PortState port = PortState::silent) {
    engine->disconnected(keeper.connection);
    for (auto& other : keepers) std::erase(other->report.facts.streaming, keeper.id);
    for (Millis done{0}; done < Millis{12'000}; done += Millis{200}) {
      for (auto& other : keepers)
        if (other->id != keeper.id) report(*other, true);
      for (const auto which : {monitor::ProbedPort::postgres, monitor::ProbedPort::keeper})
        engine->probed(keeper.id, which, port);
      pass(Millis{200});
    }
  }
  NodeState goal_of(const PretendedKeeper& keeper) const { return store.nodes.at(keeper.id).goal.state; }

  Directory at_a{{}, "host-a/1"}, at_b{{}, "host-b/1"};

 private:
  int links_ = 0;
  std::map<const Directory*, std::string> place_before_;
};

TEST_F(EngineTwins, TheCopyOfAPrimaryIsRefusedAtOnceAndTheNodeGoesOn) {
  ASSERT_NO_FATAL_FAILURE(make_known_pair());
  Directory copied{at_a.on_disk, "host-c/7"};
  PretendedKeeper& twin = copy_of(a());
  starts(twin, copied);
  twin.report.host = "10.9.9.9";
  report(twin);
  EXPECT_EQ(refusal(twin), Errc::twin);
  report(a());
  EXPECT_FALSE(a().refused);
  EXPECT_EQ(a().assignment.goal.state, NodeState::primary);
  EXPECT_EQ(store.nodes.at(a().id).host, "127.0.0.1") << "nobody is sent to the copy";

  pass(Millis{600});
  report(twin);  // it lives
  EXPECT_TRUE(has_event("another keeper that says to be a, at 10.9.9.9", "monitor"));
  EXPECT_NE(state().nodes[0].twin.find("10.9.9.9"), std::string::npos);
  pass(Millis{1});
  report(a());
  EXPECT_NE(a().assignment.notice.find("has a twin"), std::string::npos) << "the node's own log tells, too";
  EXPECT_NE(twin.refused->hint.find("autoctl drop node"), std::string::npos);

  for (int i = 0; i < 12; ++i) {  // the copy is gone
    pass(Millis{500});
    report(a());
    report(b());
  }
  EXPECT_EQ(state().nodes[0].twin, "");
  report(a());
  EXPECT_EQ(a().assignment.notice, "");
}

TEST_F(EngineTwins, ARestartIsNoTwinHoweverManyRepliesWereLost) {
  ASSERT_NO_FATAL_FAILURE(make_known_pair());
  for (int i = 0; i < 3; ++i) {
    starts(a(), at_a);  // and ends before its first report
    starts(a(), at_a);
    report(a());  // the answer is lost: it starts again without having heard it
    EXPECT_FALSE(a().refused);
  }
  renews(a(), at_a);
  report(a());
  EXPECT_FALSE(a().refused);
  EXPECT_FALSE(has_event("another keeper", ""));
}

TEST_F(EngineTwins, AReportThatWasOvertakenIsNoTwin) {
  ASSERT_NO_FATAL_FAILURE(make_known_pair());
  const protocol::Report late = a().report;
  renews(a(), at_a);
  report(a());
  expect_overtaken(late);
  report(a());
  EXPECT_FALSE(a().refused);
}

/// A keeper is patient with a monitor that is late, and takes a new link every two seconds meanwhile.
TEST_F(EngineTwins, AReportThatWasOvertakenManyTimesIsNoTwin) {
  ASSERT_NO_FATAL_FAILURE(make_known_pair());
  const protocol::Report late = a().report;
  for (int i = 0; i < 8; ++i) {
    renews(a(), at_a);
    report(a());
  }
  expect_overtaken(late);
}

TEST_F(EngineTwins, AReportThatWasOvertakenByOneThatFailedIsNoTwin) {
  ASSERT_NO_FATAL_FAILURE(make_known_pair());
  expect_overtaken(overtaken_by_one_that_fails());
}

TEST_F(EngineTwins, TheFirstReportOfAKeeperThatWasOvertakenByOneThatFailedIsNoTwin) {
  ASSERT_NO_FATAL_FAILURE(make_known_pair());
  starts(a(), at_a);
  expect_overtaken(overtaken_by_one_that_fails());
}

TEST_F(EngineTwins, ANodeThatGotANewAddressIsNoTwin) {
  ASSERT_NO_FATAL_FAILURE(make_known_pair());
  starts(a(), at_a);
  a().report.host = "10.0.0.5";
  report(a());
  EXPECT_FALSE(a().refused);
  EXPECT_EQ(store.nodes.at(a().id).host, "10.0.0.5");
}

TEST_F(EngineTwins, ADiskThatWasMovedBecomesTheNodeWhenTheOldMachineIsDeadAndThatOneIsRefusedThen) {
  ASSERT_NO_FATAL_FAILURE(make_known_pair());
  Directory moved{at_b.on_disk, "host-c/7"};
  PretendedKeeper there = as_copied(b());
  is_lost(b());
  starts(there, moved);
  report(there);
  EXPECT_FALSE(there.refused) << there.refused->message;
  EXPECT_TRUE(has_event("b was moved", "report"));

  starts(b(), at_b);  // the old machine is switched on again
  report(b());
  EXPECT_EQ(refusal(b()), Errc::twin);
  report(there);
  EXPECT_FALSE(there.refused);
}

TEST_F(EngineTwins, NoCopyIsTheNodeWhileTheNodesPostgresAnswers) {
  add("a");
  starts(a(), at_a);
  settle();
  ASSERT_EQ(a().assignment.goal.state, NodeState::single);
  Directory copied{at_a.on_disk, "host-c/7"};
  const protocol::Report last = a().report;
  is_lost(a(), PortState::open);  // only the keeper is
  auto twin = std::make_unique<PretendedKeeper>(as_copied(a()));
  starts(*twin, copied);
  report(*twin);
  EXPECT_EQ(refusal(*twin), Errc::twin);
  a().report = last;
  report(a());
  EXPECT_FALSE(a().refused);
}

TEST_F(EngineTwins, AnOlderStateIsRefusedAlsoWhereTheNodeWas) {
  ASSERT_NO_FATAL_FAILURE(make_known_pair());
  renews(b(), at_b);
  report(b());
  const Directory snapshot = at_b;
  for (int i = 0; i < 3; ++i) {
    renews(b(), at_b);
    report(b());
  }
  is_lost(b(), PortState::refused);
  Directory restored = snapshot;
  PretendedKeeper old = b();
  starts(old, restored);
  old.report.instance.place = at_b.place;  // the same machine, as it was yesterday
  report(old);
  EXPECT_EQ(refusal(old), Errc::twin);
  EXPECT_NE(old.refused->message.find("older than what the monitor knows"), std::string::npos);
}

TEST_F(EngineTwins, AMonitorThatStartsAgainKnowsTheNodeThoughItForgotItsLastLinks) {
  ASSERT_NO_FATAL_FAILURE(make_known_pair());
  for (int i = 0; i < 5; ++i) {
    renews(a(), at_a);
    report(a());
  }
  renews(b(), at_b);
  start_engine();
  keeper::InstanceChain chain(a().report.instance, at_a.place);
  chain.confirmed(a().report.instance.id);
  a().report.instance = chain.current();
  report(a());
  EXPECT_FALSE(a().refused);
  report(b());
  EXPECT_FALSE(b().refused);
}

TEST_F(EngineTwins, AMonitorThatStartsAgainWaitsForTheNodeBeforeItBelievesACopy) {
  ASSERT_NO_FATAL_FAILURE(make_known_pair());
  Directory copied{at_a.on_disk, "host-c/7"};
  auto twin = std::make_unique<PretendedKeeper>(as_copied(a()));
  start_engine();
  starts(*twin, copied);
  report(*twin);
  EXPECT_EQ(refusal(*twin), Errc::twin);
  report(a());
  EXPECT_FALSE(a().refused);
  EXPECT_EQ(goal_of(a()), NodeState::primary);
}

TEST_F(EngineTwins, AnOlderCopyIsRefusedByAMonitorThatWasRestoredToo) {
  ASSERT_NO_FATAL_FAILURE(make_known_pair());
  const auto nodes_then = store.nodes;
  renews(a(), at_a);
  report(a());
  Directory copied{at_a.on_disk, "host-c/7"};
  auto twin = std::make_unique<PretendedKeeper>(as_copied(a()));
  for (int i = 0; i < 5; ++i) {
    renews(a(), at_a);
    report(a());
  }
  store.nodes = nodes_then;
  start_engine();
  starts(*twin, copied);
  report(*twin);
  EXPECT_EQ(refusal(*twin), Errc::twin);
  keeper::InstanceChain chain(a().report.instance, at_a.place);
  chain.confirmed(a().report.instance.id);
  a().report.instance = chain.current();
  report(a());
  EXPECT_FALSE(a().refused) << a().refused->message;
}

/// The moved node is refused for a while, and may be the only one that was told of the newest term.
TEST_F(EngineTwins, OneThatIsRefusedTellsAMonitorThatItWasRestored) {
  ASSERT_NO_FATAL_FAILURE(make_known_pair());
  Directory moved{at_b.on_disk, "host-c/7"};
  PretendedKeeper there = as_copied(b());
  starts(there, moved);
  start_engine();
  for (PretendedKeeper* keeper : {&a(), &b()}) report(*keeper);
  const Term newer{store.groups.at({"default", 0}).term.value + 5};
  there.report.facts.term = newer;
  report(there);
  EXPECT_EQ(refusal(there), Errc::twin);
  EXPECT_TRUE(store.formations.at("default").incomplete) << "nobody is elected by what the monitor remembers";
  EXPECT_EQ(store.groups.at({"default", 0}).term, newer);
  for (int i = 0; i < 3; ++i) report(there);
  const auto says_so = [](const auto& event) {
    return event.description.find("it was restored from a backup") != std::string::npos;
  };
  EXPECT_EQ(std::ranges::count_if(store.all_events(), says_so), 1);
}

TEST_F(EngineTwins, AReportThatWasOvertakenIsNoTwinForAMonitorThatStartedMeanwhile) {
  ASSERT_NO_FATAL_FAILURE(make_known_pair());
  starts(a(), at_a);  // the monitor does not know this keeper's links
  start_engine();
  a().report.instance.former = {store.nodes.at(a().id).instance.id};
  protocol::Report late = a().report;
  late.sequence = 1;
  renews(a(), at_a);
  a().report.sequence = 5;
  report(a());
  expect_overtaken(late);
}

/// It goes on serving meanwhile: it is not told that another one is the node.
TEST_F(EngineTwins, ANodeThatMovedAfterTheBackupOfTheMonitorIsNoTwin) {
  ASSERT_NO_FATAL_FAILURE(make_known_pair());
  store.nodes.at(a().id).instance = {"an older link", 0, "host-z/1"};
  start_engine();
  renews(a(), at_a);
  report(a());
  EXPECT_EQ(refusal(a()), Errc::unavailable);
  pass(monitor::Settings{}.startup_grace);
  report(a());
  EXPECT_FALSE(a().refused) << a().refused->message;
  EXPECT_TRUE(has_event("a was moved", "report"));
}

TEST_F(EngineTwins, ACopyDoesNotSpeakForTheNode) {
  ASSERT_NO_FATAL_FAILURE(make_known_pair());
  std::optional<Result<>> answer;
  const auto reply = [&](Result<> result) { answer = std::move(result); };
  engine->drop_node(b().id, false, {b().token, 0, "link-x,link-y"}, reply);
  ASSERT_FALSE(*answer);
  EXPECT_EQ(answer->error().code, Errc::twin);
  engine->leave(b().id, {b().token, 0, "link-x"}, reply);
  ASSERT_FALSE(*answer);
  EXPECT_EQ(answer->error().code, Errc::twin);
  EXPECT_EQ(goal_of(b()), NodeState::secondary);
  engine->drop_node(b().id, false, {b().token, 0, "link-new," + b().report.instance.id}, reply);
  EXPECT_TRUE(*answer);
}

TEST_F(EngineTwins, NobodyIsElectedOnTheWordOfATwin) {
  ASSERT_NO_FATAL_FAILURE(make_known_pair());
  Directory copied{at_a.on_disk, "host-c/7"};
  PretendedKeeper& twin = copy_of(a());
  starts(twin, copied);
  twin.report.facts.cannot_run = true;
  twin.report.facts.postgres_running = false;
  for (int i = 0; i < 40; ++i) {
    report(a());
    report(b());
    report(twin);
    pass(Millis{500});
  }
  EXPECT_EQ(goal_of(a()), NodeState::primary);
  EXPECT_EQ(goal_of(b()), NodeState::secondary);
}

}  // namespace
}  // namespace autoctl::test
