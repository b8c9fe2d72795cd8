// Servers that answer nobody, or only us: each is replaced within seconds, and load is not taken for it.
#include <signal.h>
#include <sys/mount.h>

#include <tuple>

#include "support/small_disk.h"

namespace autoctl::test {
namespace {

using Clock = std::chrono::steady_clock;

class Hung : public SmallDiskTest {
 protected:
  Hung() : SmallDiskTest(400) {}

  /// The primary's WAL and data are in a file system of its own.
  void start() {
    lab::LocalCluster::Place place;
    place.directory = small_;
    ASSERT_NO_FATAL_FAILURE(start_cluster(2, {{}, place, {}}));
    ASSERT_EQ(&primary(), cluster().find("node_1"));
    load_ = std::make_unique<Load>(cluster());
    ASSERT_NO_FATAL_FAILURE(load_->start());
    ASSERT_TRUE(load_->progresses(100, Millis(20'000)));
  }
  /// From now on until somebody else acknowledges.
  void expect_replaced(const std::string& reason) {
    const TimePoint fault = Clock::now();
    lab::AutoctlDaemon& other = *cluster().find("node_2");
    EXPECT_TRUE(lab::eventually(Millis(20'000), [&] { return load_->acknowledged_by(other, fault) > 0; }))
        << cluster().find("node_1")->log_tail(20);
    const auto took = std::chrono::duration_cast<Millis>(Clock::now() - fault);
    std::printf("writes elsewhere after %.1f s\n", static_cast<double>(took.count()) / 1000);
    EXPECT_LE(took, Millis(10'000));
    EXPECT_NE(events().find(reason), std::string::npos) << events();
  }
  std::string events() {
    return autoctl({"show", "events", "--count", "30", "--pgdata", cluster().monitor().pgdata()}).output;
  }
  void expect_whole_again() {
    ASSERT_TRUE(ok(cluster().heal()));
    ASSERT_NO_FATAL_FAILURE(expect_settled(Millis(120'000)));
    load_->stop();
    load_->verify();
  }
  lab::AutoctlDaemon& node() { return *cluster().find("node_1"); }
  /// To all processes of its Postgres but the postmaster.
  void signal_backends(int signal_number) {
    const auto postmaster = node().postmaster();
    ASSERT_TRUE(postmaster);
    for (const auto& process : lab::process_tree(*postmaster)) {
      if (process.pid != *postmaster) ::kill(process.pid, signal_number);
    }
  }

  std::unique_ptr<Load> load_;
};

TEST_F(Hung, APostmasterThatIsStopped) {
  ASSERT_NO_FATAL_FAILURE(start());
  // Whoever is connected is served on: only who comes now waits for ever.
  node().signal_postmaster(SIGSTOP);
  expect_replaced("no client was let in");
  ASSERT_NO_FATAL_FAILURE(expect_whole_again());
}

TEST_F(Hung, AllOfPostgres) {
  ASSERT_NO_FATAL_FAILURE(start());
  node().signal_postmaster(SIGSTOP);
  signal_backends(SIGSTOP);
  expect_replaced("node_1 is dead");
  ASSERT_NO_FATAL_FAILURE(expect_whole_again());
}

/// As after a remount: what Postgres has open can still be written, and nothing else. Postgres gives up by itself, or is
/// given up, whichever comes first.
TEST_F(Hung, ADirectoryOfWalThatTakesNoFile) {
  ASSERT_NO_FATAL_FAILURE(start());
  const std::string wal = node().pgdata() + "/pg_wal";
  ASSERT_EQ(::mount(wal.c_str(), wal.c_str(), nullptr, MS_BIND, nullptr), 0) << std::strerror(errno);
  ASSERT_EQ(::mount(nullptr, wal.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), 0)
      << std::strerror(errno);
  expect_replaced("node_1");
  ASSERT_EQ(::umount2(wal.c_str(), MNT_DETACH), 0) << std::strerror(errno);
  ASSERT_NO_FATAL_FAILURE(expect_whole_again());
}

TEST_F(Hung, NoInodesAreLeft) {
  ASSERT_NO_FATAL_FAILURE(start());
  ASSERT_EQ(::mount("", small_.c_str(), "tmpfs", MS_REMOUNT, "nr_inodes=20000"), 0) << std::strerror(errno);
  const auto filled = shell("i=0; while : > " + small_ + "/inode.$i; do i=$((i+1)); done 2>/dev/null; echo $i");
  ASSERT_FALSE(HasFailure());
  expect_replaced("node_1");
  shell("rm -f " + small_ + "/inode.*; find " + small_ + " -name 'inode.*' -delete");
  ASSERT_NO_FATAL_FAILURE(expect_whole_again());
}

/// A thousand clients that all want to come in, more than there are connections, checkpoints, and locks on everything.
TEST_F(Hung, LoadIsNot) {
  ASSERT_NO_FATAL_FAILURE(start());
  const std::string server =
      "-h " + node().host() + " -p " + std::to_string(node().pgport()) + " postgres >/dev/null 2>&1";
  std::jthread noise([&](const std::stop_token& stop) {
    while (!stop.stop_requested())
      shell("for i in $(seq 40); do psql -c 'select count(*) from generate_series(1, 30000)' " + server +
                " & done; psql -c checkpoint " + server + "; psql -c 'vacuum full' " + server + "; wait",
            Millis(120'000));
  });
  std::vector<pg::Connection> others;
  while (auto more =
             pg::Connection::open(lab::conninfo({{node().host(), node().pgport()}}, "postgres", "any"), Millis(5000)))
    if (others.emplace_back(std::move(*more)); others.size() > 60) break;
  const auto until = Clock::now() + std::chrono::seconds(60);
  EXPECT_FALSE(lab::eventually(std::chrono::duration_cast<Millis>(until - Clock::now()), [&] {
    return cluster().primary() != nullptr && cluster().primary() != &node();
  })) << events();
  noise.request_stop();
  noise.join();
  others.clear();
  EXPECT_EQ(events().find("node_1 is dead"), std::string::npos) << events();
  ASSERT_NO_FATAL_FAILURE(expect_whole_again());
}

}  // namespace
}  // namespace autoctl::test
