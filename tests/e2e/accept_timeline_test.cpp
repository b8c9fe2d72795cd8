// The primary is gone and what is left disagrees about history: nobody is elected, an operator settles it.
#include <signal.h>

#include "common/postgres/tools.h"
#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

constexpr int bad_usage = 2;  // docs/exit-codes.md
constexpr int refused = 4;
constexpr int not_found = 8;

class AcceptTimeline : public ClusterTest {
 protected:
  Finished accept(std::vector<std::string> words) {
    words.insert(words.begin(), {"accept", "timeline"});
    return at_monitor(words);
  }
  lab::AutoctlDaemon& node(const std::string& name) { return *cluster().find(name); }

  /// node_1 is killed, and somebody promotes node_2 and writes there before its keeper notices.
  void lose_the_primary_and_promote_by_hand() {
    const auto tools = postgres::find_tools("");
    ASSERT_TRUE(ok(tools));
    query(node("node_1"), "create table before (i int)");
    ASSERT_TRUE(lab::eventually(Millis(10'000), [&] {
      return query(node("node_2"), "select coalesce(to_regclass('before')::text, 'none')").at(0) == "before";
    }));
    node("node_2").signal_daemon(SIGSTOP);
    node("node_1").signal_node(SIGKILL);
    const auto done = shell(tools->path("pg_ctl") + " -w -D " + node("node_2").pgdata() + " promote");
    ASSERT_TRUE(done.ok()) << done.output;
    query(node("node_2"), "create table only_here as select generate_series(1, 1000) as i");
    node("node_2").signal_daemon(SIGCONT);
    ASSERT_TRUE(is_said({"show", "state"}, "autoctl accept timeline")) << at_monitor({"show", "state"}).output;
    ASSERT_TRUE(nobody_has_taken_over());
  }
  /// By its last word node_1 is still the primary.
  bool nobody_has_taken_over() { return cluster().primary() == nullptr || cluster().primary() == &node("node_1"); }
  bool has_table(const std::string& on, const std::string& name) {
    return query(node(on), "select coalesce(to_regclass('" + name + "')::text, 'none')").at(0) == name;
  }
  void expect_everywhere(const std::string& table, bool there) {
    for (const auto& each : cluster().nodes())
      EXPECT_TRUE(lab::eventually(Millis(10'000), [&] { return has_table(each->name(), table) == there; }))
          << table << " on " << each->name();
  }
  void write_one_row() { query(primary(), "insert into before values (1)"); }
};

TEST_F(AcceptTimeline, TheOnlySurvivorGoesOnWithWhatItHas) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(2));
  const auto needless = accept({"--tli", "1", "--reason", "for fun"});
  EXPECT_EQ(needless.exit_code, refused) << needless.output;
  EXPECT_NE(needless.output.find("nothing to settle"), std::string::npos) << needless.output;
  ASSERT_NO_FATAL_FAILURE(lose_the_primary_and_promote_by_hand());
  EXPECT_EQ(accept({"--tli", "9", "--reason", "a slip"}).exit_code, not_found);
  EXPECT_EQ(at_monitor({"perform", "failover", "--allow-data-loss"}).exit_code, refused) << "no standby is left";
  const auto preview = accept({"--tli", "2"});
  EXPECT_EQ(preview.exit_code, bad_usage) << preview.output;
  EXPECT_NE(preview.output.find("timeline 2 is that of node_2"), std::string::npos) << preview.output;
  EXPECT_NE(preview.output.find("given up: "), std::string::npos) << preview.output;
  ASSERT_TRUE(nobody_has_taken_over()) << "it only told";

  const auto accepted = accept({"--tli", "2", "--reason", "it took writes"});
  ASSERT_EQ(accepted.exit_code, 0) << accepted.output;
  ASSERT_EQ(cluster().primary(), &node("node_2"));
  EXPECT_TRUE(has_table("node_2", "only_here"));
  write_one_row();
  const std::string events = at_monitor({"show", "events", "--json", "--count", "100"}).output;
  EXPECT_NE(events.find("an operator accepts timeline 2 (it took writes): "), std::string::npos);
  EXPECT_NE(events.find("timeline_accepted"), std::string::npos) << events;

  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  ASSERT_NO_FATAL_FAILURE(expect_everywhere("only_here", true));
  ASSERT_TRUE(ok(cluster().switchover(Millis(60'000))));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
}

TEST_F(AcceptTimeline, EitherSideCanBeChosen) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(3));
  ASSERT_NO_FATAL_FAILURE(lose_the_primary_and_promote_by_hand());
  const auto accepted = accept({"--tli", "1", "--reason", "what was written by hand was a mistake"});
  ASSERT_EQ(accepted.exit_code, 0) << accepted.output;
  ASSERT_EQ(cluster().primary(), &node("node_3"));
  write_one_row();
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  ASSERT_NO_FATAL_FAILURE(expect_everywhere("only_here", false));
  EXPECT_TRUE(is_said({"show", "events", "--json", "--count", "100"}, "the WAL is kept in"));
}

TEST_F(AcceptTimeline, AnotherStandbyIsRewoundOntoIt) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(3));
  ASSERT_NO_FATAL_FAILURE(lose_the_primary_and_promote_by_hand());
  const auto accepted = accept({"--tli", "2", "--reason", "it took writes"});
  ASSERT_EQ(accepted.exit_code, 0) << accepted.output;
  ASSERT_EQ(cluster().primary(), &node("node_2"));
  write_one_row();
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  ASSERT_NO_FATAL_FAILURE(expect_everywhere("only_here", true));
}

/// node_2 took over from node_1 and is lost before node_1 has joined it.
TEST_F(AcceptTimeline, AnOldPrimaryServesAgain) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(2));
  query(node("node_1"), "create table before (i int)");
  node("node_1").signal_node(SIGKILL);
  ASSERT_TRUE(lab::eventually(Millis(20'000), [&] { return cluster().primary() == &node("node_2"); }));
  query(node("node_2"), "create table only_here (i int)");
  node("node_2").signal_node(SIGKILL);
  ASSERT_TRUE(ok(node("node_1").run()));
  ASSERT_TRUE(is_said({"show", "state"}, "node_1 has a history of its own, timeline 1"));
  EXPECT_EQ(at_monitor({"perform", "failover", "--allow-data-loss"}).exit_code, refused) << "it is no standby";
  const auto accepted = accept({"--tli", "1", "--reason", "node_2's disk is broken"});
  ASSERT_EQ(accepted.exit_code, 0) << accepted.output;
  ASSERT_EQ(cluster().primary(), &node("node_1"));
  write_one_row();
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  ASSERT_NO_FATAL_FAILURE(expect_everywhere("only_here", false));
  ASSERT_NO_FATAL_FAILURE(expect_everywhere("before", true));
}

}  // namespace
}  // namespace autoctl::test
