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

/// The daemon runs for a part of each period, in pauses too short to be taken for one in which it stood still: for so
/// little of it that it takes in some of the crowd's reports, and not most. How little that is depends on the machine
/// and on the build.
class SlowMachine {
 public:
  SlowMachine(pid_t daemon, Crowd& crowd) : daemon_(daemon), crowd_(crowd), thread_([this] { run(); }) {}
  ~SlowMachine() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  std::size_t reports_taken_in() {
    const std::lock_guard lock(mutex_);
    return answers_;
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    for (int i = 1; !over_; ++i) {
      ::kill(daemon_, SIGSTOP);
      changed_.wait_for(lock, period - on_, [this] { return over_; });
      ::kill(daemon_, SIGCONT);
      changed_.wait_for(lock, on_, [this] { return over_; });
      if (i % periods_between_looks == 0) adjust();
    }
  }
  void adjust() {
    const std::size_t answers = crowd_.counts().answers;
    answers_ += answers;
    if (answers > most) on_ = on_ * 4 / 5;
    if (answers < few) on_ = std::min(on_ * 5 / 4, std::chrono::microseconds(period));
  }

  static constexpr Millis period{200};
  static constexpr int periods_between_looks = 10;
  static constexpr std::size_t offered = nodes_in_the_crowd * 2;  // between two looks
  static constexpr std::size_t most = offered / 2, few = offered / 4;
  const pid_t daemon_;
  Crowd& crowd_;
  std::mutex mutex_;  // guards the rest
  std::condition_variable changed_;
  std::chrono::microseconds on_{60'000};
  std::size_t answers_ = 0;
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
  /// The monitor gets less and less of its machine, until it says that it is overloaded, and no more from then on.
  void overload() {
    slow_.emplace(cluster().monitor().pid(), *crowd_);
    ASSERT_TRUE(lab::eventually(overload_begins, [this] { return log_has("the monitor is overloaded"); }))
        << cluster().monitor().log_tail(30);
  }
  bool log_has(const std::string& words) {
    return cluster().monitor().log_tail(10'000).find(words) != std::string::npos;
  }
  std::int64_t newest_event() {
    const auto events = cluster().api().events({.count = 1}, call_patience);
    return events && !events->events.empty() ? events->events.back().id : 0;
  }
  /// What nodes were assigned since start(), one a line; that the crowd's last quorums are confirmed is none of it.
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
  const std::size_t before = slow_->reports_taken_in();
  const auto until = Clock::now() + overload_lasts;
  while (Clock::now() < until) {
    EXPECT_TRUE(load.progresses(10, Millis(5'000)));
    const std::size_t answers = slow_->reports_taken_in();
    ASSERT_TRUE(lab::eventually(Millis(5'000), [&] { return slow_->reports_taken_in() > answers; }))
        << "it has answered no report for five seconds";
  }
  std::printf("%zu reports were taken in\n", slow_->reports_taken_in() - before);
  slow_.reset();
  EXPECT_EQ(decisions(), "");
  crowd_->leave();
  ASSERT_NO_FATAL_FAILURE(expect_whole());

  EXPECT_TRUE(lab::eventually(Millis(20'000), [this] { return leads("node_2"); }))
      << "the switchover was the first move";
  // It may have kept up for a moment in between: the last word counts.
  EXPECT_TRUE(lab::eventually(Millis(20'000), [this] {
    const auto shown = autoctl({"show", "state", "--pgdata", cluster().monitor().pgdata()});
    return shown.ok() && shown.output.find("is overloaded") == std::string::npos;
  }));
  EXPECT_TRUE(log_has("the monitor keeps up again"));
  ASSERT_NO_FATAL_FAILURE(load.stop());
  ASSERT_NO_FATAL_FAILURE(load.verify());
}

/// That its connection broke may not be told, as answers are late; that the standby misses it is.
TEST_F(Overload, ADeadPrimaryIsReplacedAllTheSame) {
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
