// Servers that answer nobody, or only us: each is replaced within seconds, and load is not taken for it.
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <cstdlib>
#include <thread>

#include "support/small_disk.h"

namespace autoctl::test {
namespace {

using Clock = std::chrono::steady_clock;

class Hung : public SmallDiskTest {
 protected:
  Hung() : SmallDiskTest(1200) {}

  /// The primary's WAL and data are in a file system of its own.
  void start() { start_on(small_); }
  void start_on(const std::string& directory) {
    lab::LocalCluster::Place place;
    place.directory = directory;
    ASSERT_NO_FATAL_FAILURE(start_cluster(2, {{}, place, {}}));
    ASSERT_EQ(&primary(), cluster().find("node_1"));
    load_ = std::make_unique<Load>(cluster());
    ASSERT_NO_FATAL_FAILURE(load_->start());
    ASSERT_TRUE(load_->progresses(100, Millis(20'000)));
  }
  /// From now on until somebody else acknowledges.
  void expect_replaced(const std::string& reason, Millis limit = Millis(10'000)) {
    const TimePoint fault = Clock::now();
    lab::AutoctlDaemon& other = *cluster().find("node_2");
    EXPECT_TRUE(lab::eventually(2 * limit, [&] { return load_->acknowledged_by(other, fault) > 0; }))
        << cluster().find("node_1")->log_tail(20);
    const auto took = std::chrono::duration_cast<Millis>(Clock::now() - fault);
    std::printf("writes elsewhere after %.1f s\n", static_cast<double>(took.count()) / 1000);
    EXPECT_LE(took, limit);
    EXPECT_NE(events().find(reason), std::string::npos) << events();
  }
  /// From now on until anybody acknowledges what was begun later.
  void expect_writes(const std::string& when, Millis limit = Millis(10'000)) {
    const TimePoint fault = Clock::now();
    EXPECT_TRUE(load_->progresses(100, 2 * limit)) << node().log_tail(20);
    const auto took = std::chrono::duration_cast<Millis>(Clock::now() - fault);
    std::printf("writes after %.1f s, when %s\n", static_cast<double>(took.count()) / 1000, when.c_str());
    EXPECT_LE(took, limit);
  }
  static bool lets_in(const lab::AutoctlDaemon& daemon) {
    return pg::Connection::open(lab::conninfo({{daemon.host(), daemon.pgport()}}, "postgres", "any"), Millis(1000))
        .has_value();
  }
  std::string events(int count = 30) {
    return autoctl({"show", "events", "--count", std::to_string(count), "--pgdata", cluster().monitor().pgdata()})
        .output;
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

/// Whoever is connected is served on; no process is made for a client.
TEST_F(Hung, APostmasterThatCannotFork) {
  ASSERT_NO_FATAL_FAILURE(start());
  const rlimit none{0, 0};
  ASSERT_EQ(::prlimit(*node().postmaster(), RLIMIT_NPROC, &none, nullptr), 0) << std::strerror(errno);
  expect_replaced("no client was let in");
  ASSERT_NO_FATAL_FAILURE(expect_whole_again());
}

TEST_F(Hung, ACatalogThatCannotBeRead) {
  ASSERT_NO_FATAL_FAILURE(start());
  const std::string map = node().pgdata() + "/global/pg_filenode.map";
  ASSERT_EQ(std::rename(map.c_str(), (small_ + "/kept").c_str()), 0) << std::strerror(errno);
  expect_replaced("no client was let in");
  ASSERT_EQ(std::rename((small_ + "/kept").c_str(), map.c_str()), 0) << std::strerror(errno);
  ASSERT_NO_FATAL_FAILURE(expect_whole_again());
}

/// It spins: that it does something is not enough.
TEST_F(Hung, APostmasterThatCannotTakeAConnection) {
  ASSERT_NO_FATAL_FAILURE(start());
  const rlimit few{5, 5};
  ASSERT_EQ(::prlimit(*node().postmaster(), RLIMIT_NOFILE, &few, nullptr), 0) << std::strerror(errno);
  expect_replaced("no client was let in", Millis(30'000));
  ASSERT_NO_FATAL_FAILURE(expect_whole_again());
}

/// Whoever comes is let in, and waits for a standby that hears nothing: for standby_stall_timeout after that is seen.
TEST_F(Hung, AllButThePostmaster) {
  ASSERT_NO_FATAL_FAILURE(start());
  signal_backends(SIGSTOP);
  expect_writes("all of its processes but the postmaster are stopped", Millis(12'000));
  ASSERT_NO_FATAL_FAILURE(expect_whole_again());
}

TEST_F(Hung, ACheckpointerThatIsStoppedKeepsNoCommitWaiting) {
  ASSERT_NO_FATAL_FAILURE(start());
  const auto pid = query(node(), "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'");
  ASSERT_EQ(::kill(std::stoi(pid.at(0)), SIGSTOP), 0) << std::strerror(errno);
  cluster().find("node_2")->signal_node(SIGKILL);
  expect_writes("its checkpointer is stopped and the standby dies");
  EXPECT_NE(events().find("continuing it"), std::string::npos) << events();
  ASSERT_NO_FATAL_FAILURE(expect_whole_again());
}

/// Nobody can replace it: it is restarted in place.
TEST_F(Hung, APostmasterThatIsStoppedAndIsTheOnlyOne) {
  ASSERT_NO_FATAL_FAILURE(start());
  cluster().find("node_2")->signal_node(SIGKILL);
  expect_writes("the standby dies");
  ASSERT_TRUE(lab::eventually(Millis(20'000), [&] { return events().find("wait_primary") != std::string::npos; }));
  node().signal_postmaster(SIGSTOP);
  EXPECT_TRUE(lab::eventually(Millis(20'000), [&] { return lets_in(node()); })) << node().log_tail(20);
  EXPECT_NE(events().find("restarting it"), std::string::npos) << events();
  ASSERT_NO_FATAL_FAILURE(expect_whole_again());
}

// ---- a disk that hangs: ./scripts/hung-disk

class HungDisk : public Hung {
 protected:
  void SetUp() override {
    const char* place = std::getenv("AUTOCTL_HUNG_DISK");
    if (place == nullptr) GTEST_SKIP() << "only root may freeze a file system: ./scripts/hung-disk";
    place_ = place;
    Hung::SetUp();
  }
  /// "freeze" or "unfreeze"; returns when that is done.
  void tell_disk(const std::string& word) {
    const auto done =
        shell("echo " + word + " > " + place_ + "/control; read answer < " + place_ + "/done; echo $answer");
    EXPECT_EQ(done.output, word + "\n");
  }

  std::string place_;
};

/// Its keeper's own state and log are on it, too.
TEST_F(HungDisk, OfThePrimaryIsReplaced) {
  ASSERT_NO_FATAL_FAILURE(start_on(place_ + "/disk"));
  tell_disk("freeze");
  expect_replaced("node_1");
  tell_disk("unfreeze");
  ASSERT_NO_FATAL_FAILURE(expect_whole_again());
}

// ---- load

long from_environment(const char* name, long otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atol(text);
}

class LoadIsNotDeath : public Hung {
 protected:
  void start_with_room_for(long connections) {
    ASSERT_NO_FATAL_FAILURE(start());
    for (const char* name : {"node_2", "node_1"}) {  // a standby needs as much as its primary
      lab::AutoctlDaemon& daemon = *cluster().find(name);
      shell("echo 'max_connections = " + std::to_string(connections) + "' >> " + daemon.pgdata() + "/postgresql.conf");
      ASSERT_TRUE(autoctl({"restart", "postgres", "--pgdata", daemon.pgdata()}).ok());
      ASSERT_NO_FATAL_FAILURE(expect_settled());
    }
    ASSERT_EQ(&primary(), &node());
    shell("pgbench --initialize --quiet --scale 4 " + server());
  }
  std::string server() {
    return "-h " + node().host() + " -p " + std::to_string(node().pgport()) + " postgres >/dev/null 2>&1";
  }
  /// `script` again and again until the test ends. A round takes its time: the load slows itself down, too.
  void repeat(const std::string& script) {
    noise_.emplace_back([this, script](const std::stop_token& stop) {
      while (!stop.stop_requested()) shell(script, Millis(600'000));
    });
  }
  /// All that are left, for a while, until the server has none any more.
  void take_all_connections(const std::stop_token& stop) {
    std::vector<pg::Connection> taken;
    while (!stop.stop_requested()) {
      auto more =
          pg::Connection::open(lab::conninfo({{node().host(), node().pgport()}}, "postgres", "any"), Millis(5000));
      if (more)
        taken.push_back(std::move(*more));
      else
        taken.clear();
    }
  }
  void TearDown() override {
    for (auto& thread : noise_) thread.request_stop();
    noise_.clear();
    Hung::TearDown();
  }

  std::vector<std::jthread> noise_;
};

/// More clients than there are connections, checkpoints, and locks on everything:
///   AUTOCTL_LOAD_MINUTES=60 AUTOCTL_LOAD_CONNECTIONS=1000 ./scripts/sandbox build/dev/tests/e2e_tests --gtest_filter='LoadIsNotDeath.*'
TEST_F(LoadIsNotDeath, NobodyIsReplacedForIt) {
  const std::chrono::minutes duration(from_environment("AUTOCTL_LOAD_MINUTES", 1));
  const long connections = from_environment("AUTOCTL_LOAD_CONNECTIONS", 200);
  ASSERT_NO_FATAL_FAILURE(start_with_room_for(connections + 40));
  const TimePoint began = Clock::now();
  repeat("pgbench --no-vacuum --client " + std::to_string(connections) + " --jobs 2 --time 60 " + server());
  repeat("for i in $(seq 40); do psql -c 'select count(*) from generate_series(1, 30000)' " + server() +
         " & done; psql -c checkpoint " + server() + "; wait");
  repeat("psql -c 'vacuum full' " + server());
  noise_.emplace_back([this](const std::stop_token& stop) { take_all_connections(stop); });
  EXPECT_FALSE(lab::eventually(std::chrono::duration_cast<Millis>(began + duration - Clock::now()), [&] {
    return cluster().primary() != nullptr && cluster().primary() != &node();
  })) << events();
  for (auto& thread : noise_) thread.request_stop();
  noise_.clear();
  EXPECT_EQ(events(1000).find("node_1 is dead"), std::string::npos) << events(1000);
  EXPECT_EQ(&primary(), &node());
  ASSERT_NO_FATAL_FAILURE(expect_whole_again());
}

}  // namespace
}  // namespace autoctl::test
