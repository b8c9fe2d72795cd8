// A monitor that is offered more than it can do. Its machine is pretended to be slow: it runs for a part of the time
// only, beside some hundred nodes that report as keepers do. tests/bench/monitor_load.cpp offers thousands.
#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "common/config/files.h"
#include "common/pg/connection.h"
#include "support/cluster_test.h"
#include "support/crowd.h"

namespace autoctl::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int nodes_in_the_crowd = 200;
constexpr Millis call_patience{5'000};
constexpr Millis overload_begins{40'000};
constexpr Millis overload_lasts{20'000};
constexpr Millis whole_within{15'000};
constexpr Millis quick{100};
constexpr int quick_calls = 8;

/// The daemon runs for a part of each period, in pauses too short to be taken for one in which it stood still.
class SlowMachine {
 public:
  explicit SlowMachine(pid_t daemon) : daemon_(daemon), thread_([this] { run(); }) {}
  ~SlowMachine() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  void slower() {
    const std::lock_guard lock(mutex_);
    on_ = std::max(on_ * 2 / 3, Millis(1));
  }
  Millis on() {
    const std::lock_guard lock(mutex_);
    return on_;
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!over_) {
      ::kill(daemon_, SIGSTOP);
      changed_.wait_for(lock, period - on_, [this] { return over_; });
      ::kill(daemon_, SIGCONT);
      changed_.wait_for(lock, on_, [this] { return over_; });
    }
  }

  static constexpr Millis period{200};
  const pid_t daemon_;
  std::mutex mutex_;  // guards the next two
  std::condition_variable changed_;
  Millis on_{60};
  bool over_ = false;
  std::thread thread_;
};

class Overload : public ClusterTest {
 protected:
  /// A real formation of two and the crowd, all at rest.
  void start() {
    ASSERT_NO_FATAL_FAILURE(start_cluster(2));
    ASSERT_NO_FATAL_FAILURE(make_commits_cheap());
    const auto pem = config::read_file(cluster().monitor().files().certificate());
    ASSERT_TRUE(ok(pem));
    crowd_.emplace(CrowdOptions{.port = cluster().monitor().api_port(), .ca_pem = *pem, .nodes = nodes_in_the_crowd});
    ASSERT_TRUE(ok(crowd_->join(Clock::now() + Millis(90'000))));
    ASSERT_TRUE(
        lab::eventually(Millis(30'000), [this] { return crowd_->at_rest() == std::size_t{nodes_in_the_crowd}; }));
    last_event_ = newest_event();
  }
  /// The monitor's Postgres waits for no disk: the registrations would take longer than the test.
  void make_commits_cheap() {
    const auto& monitor = cluster().monitor();
    auto server = pg::Connection::open(
        "host=" + monitor.files().directory + " port=" + std::to_string(monitor.pgport()) + " dbname=postgres",
        call_patience);
    ASSERT_TRUE(ok(server));
    ASSERT_TRUE(ok(server->script("ALTER SYSTEM SET fsync = off", call_patience)));
    ASSERT_TRUE(ok(server->script("SELECT pg_reload_conf()", call_patience)));
  }
  /// The monitor gets less and less of its machine, until it says that it is overloaded: how little that is depends on
  /// the machine and on the build.
  void overload() {
    slow_.emplace(cluster().monitor().pid());
    const auto deadline = Clock::now() + overload_begins;
    const auto told = [this] { return log_has("the monitor is overloaded"); };
    while (!lab::eventually(Millis(3'000), told)) {
      ASSERT_LT(Clock::now(), deadline) << cluster().monitor().log_tail(30);
      slow_->slower();
    }
    std::printf("overloaded with %ld ms of each 200 ms\n", static_cast<long>(slow_->on().count()));
  }
  bool log_has(const std::string& words) {
    return cluster().monitor().log_tail(10'000).find(words) != std::string::npos;
  }
  std::int64_t newest_event() {
    const auto events = cluster().api().events({.count = 1}, call_patience);
    return events && !events->events.empty() ? events->events.back().id : 0;
  }
  /// Decisions since start() that are about nodes, one a line.
  /// What nodes were assigned meanwhile; that the crowd's last quorums are confirmed is none.
  std::string decisions() {
    std::string text;
    const auto events = cluster().api().events({.after = last_event_, .count = 1'000}, call_patience);
    EXPECT_TRUE(ok(events));
    if (!events) return text;
    for (const auto& event : events->events)
      if (event.kind == "goal" && !event.node_name.empty()) text += event.node_name + ": " + event.description + "\n";
    return text;
  }
  /// Of the real formation.
  bool leads(const std::string& name) {
    const auto state = cluster().api().state("default", std::nullopt, call_patience);
    return state && std::ranges::any_of(state->nodes, [&](const auto& node) {
             return node.name == name && node.assigned == NodeState::primary;
           });
  }
  /// One look as an operator takes it; the real formation is as it should be, and the answer was quick.
  bool looks_well() {
    const auto asked = Clock::now();
    const auto state = cluster().api().state("default", std::nullopt, call_patience);
    return state && Clock::now() - asked <= quick && lab::is_settled(*state) && state->trusts_itself;
  }
  void expect_whole() {
    const auto begin = Clock::now();
    int good = 0;
    ASSERT_TRUE(lab::eventually(whole_within, [&] {
      good = looks_well() ? good + 1 : 0;
      return good >= quick_calls;
    })) << cluster().monitor().log_tail(30);
    std::printf("whole after %.1f s\n", std::chrono::duration<double>(Clock::now() - begin).count());
    EXPECT_TRUE(ok(cluster().switchover(whole_within)));
  }

  std::optional<Crowd> crowd_;
  std::optional<SlowMachine> slow_;
  std::int64_t last_event_ = 0;
};

TEST_F(Overload, SuspectsNoNodeAndIsWholeSoonAfterwards) {
  ASSERT_NO_FATAL_FAILURE(start());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());

  ASSERT_NO_FATAL_FAILURE(overload());
  crowd_->counts();
  const auto until = Clock::now() + overload_lasts;
  std::size_t answers = 0;
  while (Clock::now() < until) {
    EXPECT_TRUE(load.progresses(10, Millis(5'000)));
    ASSERT_TRUE(lab::eventually(Millis(5'000), [&] {
      const auto counts = crowd_->counts();
      answers += counts.answers;
      return counts.answers > 0;
    })) << "it has answered no report for five seconds";
  }
  std::printf("%zu reports were taken in\n", answers);
  slow_.reset();
  EXPECT_EQ(decisions(), "");
  crowd_->leave();
  ASSERT_NO_FATAL_FAILURE(expect_whole());

  EXPECT_TRUE(lab::eventually(Millis(20'000), [this] { return leads("node_2"); }))
      << "the switchover was the first move";
  EXPECT_TRUE(lab::eventually(Millis(20'000), [this] { return log_has("the monitor keeps up again"); }));
  EXPECT_EQ(autoctl({"show", "state", "--pgdata", cluster().monitor().pgdata()}).output.find("is overloaded"),
            std::string::npos);
  ASSERT_NO_FATAL_FAILURE(load.stop());
  ASSERT_NO_FATAL_FAILURE(load.verify());
}

/// A known fault, so not part of the everyday run: `--gtest_also_run_disabled_tests` shows it. A connection that breaks
/// while answers are late is forgotten, and silence is excused for as long as they are: on a slow machine four runs of
/// six saw no failover within a minute, the other two one after 3.7 and 16.1 s.
TEST_F(Overload, DISABLED_ADeadPrimaryIsReplacedAllTheSame) {
  ASSERT_NO_FATAL_FAILURE(start());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  lab::AutoctlDaemon& victim = *cluster().find("node_1");
  lab::AutoctlDaemon& other = *cluster().find("node_2");
  ASSERT_NO_FATAL_FAILURE(overload());
  victim.signal_node(SIGKILL);
  const auto fault = Clock::now();
  EXPECT_TRUE(lab::eventually(Millis(60'000), [&] { return load.acknowledged_by(other, fault) > 0; }))
      << cluster().monitor().log_tail(30);
  std::printf("writes elsewhere after %.1f s\n", std::chrono::duration<double>(Clock::now() - fault).count());
  slow_.reset();
  crowd_->leave();
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_TRUE(lab::eventually(Millis(60'000), [this] { return looks_well(); }));
  load.stop();
  load.verify();
}

}  // namespace
}  // namespace autoctl::test
