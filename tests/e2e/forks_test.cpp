// A standby that somebody promotes by hand, or starts as a primary, writes a history of its own. It is seen, stopped
// and healed, and what it wrote is kept.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "common/postgres/tools.h"
#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

using Clock = std::chrono::steady_clock;

class Forks : public ClusterTest, public testing::WithParamInterface<int> {
 protected:
  void start() {
    ASSERT_NO_FATAL_FAILURE(start_cluster(GetParam()));
    const auto tools = postgres::find_tools("");
    ASSERT_TRUE(ok(tools));
    pg_ctl_ = tools->path("pg_ctl");
    const lab::ServerAddress server{"127.0.0.1", primary().pgport()};
    ASSERT_TRUE(ok(lab::WritingClient::prepare(lab::conninfo({server}, "postgres"))));
    // Only to the primary: a client that goes wherever it may write is what a fork deceives.
    writer_ = std::make_unique<lab::WritingClient>(lab::ClientOptions{.servers = {server}});
    writer_->start();
    ASSERT_NO_FATAL_FAILURE(expect_progress());
  }
  lab::AutoctlDaemon& primary() { return *cluster().find("node_1"); }
  lab::AutoctlDaemon& standby() { return *cluster().find("node_2"); }

  void expect_progress() {
    const auto goal = writer_->acknowledged() + 50;
    ASSERT_TRUE(lab::eventually(Millis(20'000), [&] { return writer_->acknowledged() >= goal; })) << writer_->trouble();
  }
  /// The newest event that says so.
  std::string event_with(const std::string& words) {
    const auto events = cluster().api().events({.formation = "default", .count = 500}, Millis(5'000));
    EXPECT_TRUE(ok(events));
    if (!events) return {};
    const auto found = std::find_if(events->events.rbegin(), events->events.rend(), [&](const auto& event) {
      return event.description.find(words) != std::string::npos;
    });
    return found == events->events.rend() ? "" : found->description;
  }
  void pg_ctl(const std::string& words) {
    const auto done = shell(pg_ctl_ + " -w -D " + standby().pgdata() + " " + words);
    ASSERT_TRUE(done.ok()) << done.output;
  }
  void write_to_the_standby() {
    query(standby(), "create table only_here as select generate_series(1, 1000) as i");
    query(standby(), "create index on only_here (i)");
  }
  void expect_healed() {
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    EXPECT_EQ(cluster().primary(), &primary());
    ASSERT_NO_FATAL_FAILURE(expect_progress());
    writer_->stop();
    EXPECT_EQ(query(standby(), "select coalesce(to_regclass('only_here')::text, 'gone')").at(0), "gone");
    for (const auto& node : cluster().nodes()) {
      EXPECT_TRUE(lab::eventually(
          Millis(10'000),
          [&] {
            const auto lost = writer_->lost(lab::conninfo({{"127.0.0.1", node->pgport()}}, "postgres", "any"));
            return lost && lost->empty();
          }))
          << node->name() << " lacks rows that were acknowledged";
    }
  }

  static std::string range_start(const std::string& event) {
    const auto from = event.find('(') + 1;
    return event.substr(from, event.find(' ', from) - from);
  }

  std::string pg_ctl_;
  std::unique_ptr<lab::WritingClient> writer_;
};

TEST_P(Forks, StandbyPromotedByHandIsStoppedAndHealed) {
  ASSERT_NO_FATAL_FAILURE(start());
  // Frozen for a moment: it would be faster than this test is at writing.
  standby().signal_daemon(SIGSTOP);
  ASSERT_NO_FATAL_FAILURE(pg_ctl("promote"));
  ASSERT_NO_FATAL_FAILURE(write_to_the_standby());
  standby().signal_daemon(SIGCONT);
  const auto noticed = Clock::now();
  EXPECT_TRUE(lab::eventually(Millis(5'000), [this] {
    return event_with("node_2 was promoted outside autoctl: it accepts writes on timeline 2") != "";
  }));
  std::cout << "noticed after " << std::chrono::duration_cast<Millis>(Clock::now() - noticed).count() << " ms\n";
  // Before it is told to join again it is still a secondary to look at.
  ASSERT_TRUE(lab::eventually(Millis(30'000), [this] { return !event_with("the WAL is kept in").empty(); }));
  ASSERT_NO_FATAL_FAILURE(expect_healed());
  std::cout << "healed after " << std::chrono::duration_cast<Millis>(Clock::now() - noticed).count()
            << " ms, write outage " << writer_->outage(noticed, Clock::now()).count() << " ms\n";
  EXPECT_LT(writer_->outage(noticed, Clock::now()), Millis(2'000));

  const std::string kept = event_with("the WAL is kept in");
  EXPECT_NE(kept.find("on timeline 2) will be gone"), std::string::npos) << kept;
  const std::string directory = kept.substr(kept.find("kept in ") + 8);
  const auto seen = shell(pg_ctl_.substr(0, pg_ctl_.rfind('/')) + "/pg_waldump --path " + directory +
                          " --timeline 2 --start " + range_start(kept) + " 2>/dev/null | grep -c COMMIT");
  EXPECT_EQ(seen.output, "2\n") << kept;
}

/// Nothing shows it but that it ran: it went on in the timeline that it shares with its primary.
TEST_P(Forks, StandbyStartedAsAPrimaryIsStoppedAndCopied) {
  ASSERT_NO_FATAL_FAILURE(start());
  ASSERT_TRUE(standby().stop(Millis(20'000)));
  ASSERT_EQ(::unlink((standby().pgdata() + "/standby.signal").c_str()), 0);
  ASSERT_NO_FATAL_FAILURE(pg_ctl("start -l " + directory() + "/by_hand.log"));
  ASSERT_NO_FATAL_FAILURE(write_to_the_standby());
  const bool stays_up = GetParam() == 2;
  if (!stays_up) {
    ASSERT_NO_FATAL_FAILURE(pg_ctl("stop -m fast"));
  }
  ASSERT_NO_FATAL_FAILURE(expect_progress());
  ASSERT_TRUE(ok(standby().run()));
  ASSERT_TRUE(lab::eventually(Millis(30'000), [this] { return !event_with("the WAL is kept in").empty(); }));
  ASSERT_NO_FATAL_FAILURE(expect_healed());
  EXPECT_NE(event_with("on timeline 1").find("that only this node had"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Nodes, Forks, testing::Values(2, 3), testing::PrintToStringParamName());

}  // namespace
}  // namespace autoctl::test
