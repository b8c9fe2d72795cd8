// Wrong input of every kind: a clear error with a hint, an exit code that scripts can use, and nothing changed, neither
// on disk nor at the monitor.
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/http/server.h"
#include "common/util/exit_code.h"
#include "support/cluster_test.h"
#include "support/network.h"

namespace autoctl::test {
namespace {

namespace fs = std::filesystem;
using testing::ContainsRegex;

constexpr const char* tools = "PATH=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1):$PATH; ";

/// Paths of everything below `root`, sizes and times of files.
std::string listing(const std::string& root) {
  std::vector<std::string> lines;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    struct stat info {};
    ::lstat(entry.path().c_str(), &info);
    lines.push_back(entry.path().string());
    // What was made in a directory and removed again leaves its mark on the directory's time.
    if (!S_ISDIR(info.st_mode))
      lines.back() += " " + std::to_string(info.st_size) + " " + std::to_string(info.st_mtim.tv_sec) + "." +
                      std::to_string(info.st_mtim.tv_nsec);
  }
  std::ranges::sort(lines);
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

/// A port that somebody else listens on.
class TakenPort {
 public:
  TakenPort() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd_, 1), 0);
    socklen_t size = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  TakenPort(const TakenPort&) = delete;
  TakenPort& operator=(const TakenPort&) = delete;
  ~TakenPort() { ::close(fd_); }
  int port() const { return port_; }

 private:
  int fd_;
  int port_ = 0;
};

class BadInput : public ClusterTest {
 protected:
  void SetUp() override {
    ClusterTest::SetUp();
    ASSERT_FALSE(HasFatalFailure());
    ASSERT_NO_FATAL_FAILURE(start_cluster(1));
    playground_ = directory() + "/playground";
    ASSERT_TRUE(fs::create_directory(playground_));
  }

  /// `create postgres` as it would succeed, with some options replaced.
  std::vector<std::string> create_node(const std::map<std::string, std::string>& replaced) const {
    std::map<std::string, std::string> options = {{"--pgdata", playground_ + "/node"},
                                                  {"--pgport", "6900"},
                                                  {"--hostname", "127.0.0.1"},
                                                  {"--name", "other"},
                                                  {"--auth", "trust"},
                                                  {"--monitor", cluster().monitor_uri()}};
    for (const auto& [name, value] : replaced) options[name] = value;
    std::vector<std::string> words = {"create", "postgres", "--ssl-self-signed"};
    for (const auto& [name, value] : options) {
      if (value.empty()) continue;
      words.push_back(name);
      words.push_back(value);
    }
    return words;
  }

  void expect_refused(const std::vector<std::string>& words, ExitCode code, const std::string& message,
                      const std::vector<std::string>& before_autoctl = {}) {
    std::string line;
    for (const auto& word : words) line += word + " ";
    SCOPED_TRACE(line);
    const std::string before = listing(playground_);
    const std::size_t nodes_before = cluster().state()->nodes.size();
    std::vector<std::string> argv = before_autoctl;
    argv.push_back(autoctl_under_test());
    argv.insert(argv.end(), words.begin(), words.end());
    const Finished finished = program(argv);
    EXPECT_EQ(finished.exit_code, static_cast<int>(code)) << finished.output;
    EXPECT_THAT(finished.output, ContainsRegex(message));
    EXPECT_THAT(finished.output, ContainsRegex("[Hh]int: "));
    EXPECT_EQ(listing(playground_), before);
    const auto state = cluster().state();
    ASSERT_TRUE(ok(state));
    EXPECT_EQ(state->nodes.size(), nodes_before) << lab::describe(*state);
  }

  Finished program(const std::vector<std::string>& argv) const {
    Command command;
    command.argv = argv;
    auto finished = autoctl::run(command, Millis(60'000));
    EXPECT_TRUE(ok(finished));
    return finished ? std::move(*finished) : Finished{};
  }

  std::string make_directory(const std::string& name) const {
    fs::create_directory(playground_ + "/" + name);
    return playground_ + "/" + name;
  }
  std::string initialised(const std::string& name) const {
    const std::string path = playground_ + "/" + name;
    EXPECT_TRUE(shell(std::string(tools) + "initdb -A trust -D " + path).ok());
    return path;
  }
  std::string monitor_certificate() { return cluster().monitor().files().certificate(); }

  std::string playground_;
};

TEST_F(BadInput, DataDirectories) {
  const std::string letters = make_directory("letters");
  std::ofstream(letters + "/dear-diary.txt") << "not a database\n";
  expect_refused(create_node({{"--pgdata", letters}}), ExitCode::conflict, "no Postgres data directory");

  expect_refused(create_node({{"--pgdata", initialised("foreign")}}), ExitCode::conflict, "system identifier");
  expect_refused(create_node({{"--pgdata", "/usr/lib"}}), ExitCode::denied, "another user");
  expect_refused({"run", "--pgdata", letters}, ExitCode::not_found, "autoctl");
  expect_refused({"create", "monitor", "--auth", "trust", "--no-ssl", "--pgdata", letters, "--pgport", "6900"},
                 ExitCode::conflict, "not empty");
}

TEST_F(BadInput, NamesPortsAndOptions) {
  expect_refused(create_node({{"--name", "node_1"}}), ExitCode::conflict, "node_1");
  expect_refused(create_node({{"--formation", "defualt"}}), ExitCode::not_found, "no formation 'defualt'");
  const TakenPort taken;
  expect_refused(create_node({{"--pgport", std::to_string(taken.port())}}), ExitCode::conflict, "in use");
  expect_refused({"create", "monitor", "--auth", "trust", "--no-ssl", "--pgdata", playground_ + "/monitor", "--pgport",
                  std::to_string(taken.port())},
                 ExitCode::conflict, "in use");
  expect_refused(create_node({{"--auth", "magic"}}), ExitCode::bad_usage, "magic");
  expect_refused(create_node({{"--pgport", "70000"}}), ExitCode::bad_usage, "70000");
  expect_refused(create_node({{"--candidate-priority", "-3"}}), ExitCode::bad_usage, "priority");
  expect_refused({"perform", "swichover"}, ExitCode::bad_usage, "swichover");
  expect_refused({"perform", "promotion", "--name", "nobody", "--pgdata", cluster().monitor().pgdata()},
                 ExitCode::not_found, "nobody");
}

TEST_F(BadInput, Monitors) {
  expect_refused(create_node({{"--monitor", "postgres://autoctl_node@127.0.0.1:1/pg_auto_failover"}}),
                 ExitCode::unavailable, "127.0.0.1");
  expect_refused(create_node({{"--monitor", "https://127.0.0.1:1"}}), ExitCode::unavailable, "127.0.0.1");
  expect_refused(create_node({{"--monitor", "gopher://monitor"}}), ExitCode::bad_usage, "gopher");

  // The right server, but nobody vouches for its certificate; then the certificate of somebody else.
  const std::string url = "https://127.0.0.1:" + std::to_string(cluster().monitor().api_port());
  expect_refused(create_node({{"--monitor", url}}), ExitCode::denied, "certificate");
  expect_refused(
      create_node({{"--monitor", url}, {"--monitor-ca-file", cluster().find("node_1")->files().certificate()}}),
      ExitCode::denied, "certificate");
  // A Postgres, but no monitor.
  expect_refused(
      create_node(
          {{"--monitor", "postgres://127.0.0.1:" + std::to_string(cluster().find("node_1")->pgport()) + "/postgres"}}),
      ExitCode::denied, "monitor");
}

TEST_F(BadInput, MonitorOfAnotherVersion) {
  http::ServerOptions options;
  options.address = "127.0.0.1";
  options.certificate_file = monitor_certificate();
  options.key_file = cluster().monitor().files().key();
  http::Server future(options, [](const http::Request&, const http::Responder& respond) {
    respond({200, R"({"protocol": 999, "version": "9.9", "monitor_id": "later"})", "application/json"});
  });
  ASSERT_TRUE(ok(future.start()));
  expect_refused(create_node({{"--monitor", "https://127.0.0.1:" + std::to_string(future.port())},
                              {"--monitor-ca-file", monitor_certificate()}}),
                 ExitCode::incompatible, "protocol 999");
}

TEST_F(BadInput, PostgresOfAnUnsupportedMajor) {
  const std::string bin = make_directory("bin");
  for (const char* program : {"pg_ctl", "postgres", "initdb", "pg_controldata", "pg_basebackup", "pg_rewind"}) {
    std::ofstream(bin + "/" + program) << "#!/bin/sh\necho \"" << program << " (PostgreSQL) 12.9\"\n";
    fs::permissions(bin + "/" + program, fs::perms{0755});
  }
  expect_refused(create_node({{"--pgctl", bin + "/pg_ctl"}}), ExitCode::incompatible, "12");
  expect_refused(create_node({{"--pgctl", bin + "/nothing"}}), ExitCode::not_found, "nothing");
}

TEST_F(BadInput, RunAsRoot) {
  const std::vector<std::string> as_root = {"/usr/bin/unshare", "--user", "--map-root-user"};
  if (!program({as_root[0], as_root[1], as_root[2], "/bin/true"}).ok())
    GTEST_SKIP() << "becoming root needs user namespaces, which this kernel does not give";
  expect_refused(create_node({}), ExitCode::bad_usage, "root", as_root);
  expect_refused({"create", "monitor", "--auth", "trust", "--no-ssl", "--pgdata", playground_ + "/monitor"},
                 ExitCode::bad_usage, "root", as_root);
}

TEST_F(BadInput, FullDiskAtCreate) {
  if (!may_make_networks())
    GTEST_SKIP() << "a small file system needs a mount namespace: run ./scripts/test where it exists";
  const std::string small = make_directory("small");
  ASSERT_EQ(::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=8m,mode=0700"), 0) << strerror(errno);
  // A second formation's first node would run initdb here; a second node of this one waits for its copy. Both are
  // refused.
  expect_refused({"create", "monitor", "--auth", "trust", "--ssl-self-signed", "--hostname", "127.0.0.1", "--pgdata",
                  small + "/monitor", "--pgport", "6900"},
                 ExitCode::system, "disk is full");
  EXPECT_EQ(::umount2(small.c_str(), MNT_DETACH), 0);
}

}  // namespace
}  // namespace autoctl::test
