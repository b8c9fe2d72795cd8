// Real Postgres servers in a scratch directory, driven through keeper::Instance.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "common/tls/scram.h"
#include "keeper/postgres/instance.h"
#include "keeper/postgres/pgpass.h"
#include "keeper/postgres/replicator.h"
#include "tests/support/scratch.h"

namespace autoctl::keeper::test {

using namespace std::chrono_literals;
using autoctl::test::free_port;
using Clock = std::chrono::steady_clock;

template <class T>
testing::AssertionResult ok(const Result<T>& result) {
  if (result) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.error().message << " (" << result.error().hint << ")";
}

inline bool never() {
  return false;
}
inline const auto ignore_progress = [](int, const std::string&) {};

template <class Condition>
bool eventually(Condition condition, Millis timeout = 10s) {
  return autoctl::test::eventually(condition, timeout);
}

/// One server; stopped and removed with its test.
class Node {
 public:
  Node(const std::string& scratch, int number, const Tools& tools) : Node(scratch, number, tools, {}) {}
  Node(const std::string& scratch, int number, const Tools& tools, const std::string& pgdata)
      : id{number}, files(pgdata.empty() ? fmt::format("{}/node{}", scratch, number) : pgdata), tools_(tools) {
    config.name = fmt::format("node_{}", number);
    config.node = id;
    config.hostname = "127.0.0.1";
    config.pgdata = files.pgdata;
    config.pgport = free_port();
    config.pghost = scratch;
    config.listen = "127.0.0.1";
    config.maximum_backup_rate = "1024M";
    open();
  }
  ~Node() {
    if (postgres) static_cast<void>(postgres->stop(StopMode::immediate, 10s));
  }

  /// What a keeper that starts does.
  void open() { postgres = std::make_unique<Instance>(config, files, tools_); }
  protocol::Peer peer() const {
    protocol::Peer peer{id, config.name, "127.0.0.1", config.pgport, NodeState::init};
    if (config.auth != "cert") peer.verifier = tls::scram_verifier(own_password());
    return peer;
  }
  std::string own_password() const { return fmt::format("secret-of-node-{}", id.value); }

  /// initdb, configured and started as a primary with the replication role.
  void make_primary(const std::vector<protocol::Peer>& peers = {}) {
    ASSERT_TRUE(ok(postgres->initdb(never)));
    ASSERT_NO_FATAL_FAILURE(become_primary(peers));
  }
  /// The same with the data directory that is there.
  void become_primary(const std::vector<protocol::Peer>& peers = {}) {
    ASSERT_TRUE(ok(postgres->configure(peers)));
    ASSERT_TRUE(ok(postgres->start(never)));
    save_password();
    ASSERT_TRUE(ok(postgres->create_roles("")));
    ASSERT_TRUE(ok(postgres->keep_replication_roles(roles(peers))));
    std::vector<NodeId> ids;
    for (const auto& peer : peers) ids.push_back(peer.id);
    ASSERT_TRUE(ok(postgres->sync_slots(ids)));
  }
  /// As its keeper wants them: its own among them.
  ReplicationRoles roles(const std::vector<protocol::Peer>& peers) const {
    ReplicationRoles wanted;
    if (config.auth != "cert") wanted.nodes.push_back({id, peer().verifier});
    for (const auto& peer : peers) {
      wanted.nodes.push_back({peer.id, peer.verifier});
      if (replication_role(config, peer.id, peer) == replicator) wanted.shared_password = "secret";
    }
    return wanted;
  }
  void save_password() const {
    std::filesystem::create_directory(files.directory);
    ASSERT_TRUE(ok(save_passwords(files.pgpass(), id, {"secret", own_password()})));
  }
  /// A copy of `upstream`, streaming.
  void make_standby(const Node& upstream, const std::vector<protocol::Peer>& peers) {
    save_password();
    ASSERT_TRUE(ok(postgres->clone(upstream.peer(), id, never, ignore_progress)));
    ASSERT_TRUE(ok(postgres->configure(peers)));
    ASSERT_TRUE(ok(postgres->start(never)));
    ASSERT_TRUE(streams());
  }
  bool streams(Millis timeout = 15s) const {
    return eventually(
        [&] {
          const auto seen = postgres->observe(2s);
          return seen && seen->receiving;
        },
        timeout);
  }
  Observed seen() const {
    const auto answer = postgres->observe(2s);
    EXPECT_TRUE(ok(answer));
    return answer.value_or(Observed{});
  }
  Result<pg::Connection> connect(const std::string& dbname = "postgres") const {
    return pg::Connection::open(fmt::format("host={} port={} dbname={}", config.pghost, config.pgport, dbname), 5s);
  }
  /// One value of one statement on a session of its own; the error's words when it failed.
  std::string sql(const std::string& statement, Millis timeout = 10s) const {
    auto connection = connect();
    if (!connection) return connection.error().message;
    const auto rows = connection->query(statement, timeout);
    return rows ? rows->text(0, 0) : rows.error().message;
  }
  pid_t postmaster_pid() const {
    return std::atoi(config::read_file(files.pgdata + "/postmaster.pid").value_or("0").c_str());
  }
  std::string log() const { return config::read_file(files.startup_log()).value_or(""); }

  NodeId id;
  config::Config config;
  config::Files files;
  std::unique_ptr<Instance> postgres;

 private:
  Tools tools_;
};

class PostgresTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(::geteuid(), 0U) << "Postgres refuses root: run this as another user (scripts/test does)";
    std::string name = "/tmp/autoctl-pg-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    scratch = name;
    auto found = find_tools("");
    ASSERT_TRUE(ok(found));
    tools = *found;
  }
  void TearDown() override {
    if (HasFailure())
      for (const auto& node : nodes) std::printf("--- log of node %ld\n%s", node->id.value, node->log().c_str());
    nodes.clear();
    std::error_code ignored;
    if (!scratch.empty()) std::filesystem::remove_all(scratch, ignored);
  }
  Node& node(int number, const std::string& pgdata = {}) {
    nodes.push_back(std::make_unique<Node>(scratch, number, tools, pgdata));
    return *nodes.back();
  }
  /// Node 1 as primary, node 2 as its streaming standby.
  void make_pair() {
    Node& one = node(1);
    Node& two = node(2);
    ASSERT_NO_FATAL_FAILURE(one.make_primary({two.peer()}));
    ASSERT_NO_FATAL_FAILURE(two.make_standby(one, {one.peer()}));
    ASSERT_TRUE(ok(two.postgres->sync_slots({one.id})));
  }

  /// Into t(v text), as the only thing that these tests write.
  static void write(const Node& node, const std::string& value) {
    EXPECT_EQ(node.sql("insert into t values ('" + value + "') returning v"), value);
  }
  static std::string rows(const Node& node) { return node.sql("select string_agg(v, ',' order by v) from t"); }

  std::string scratch;
  Tools tools;
  std::vector<std::unique_ptr<Node>> nodes;
};

}  // namespace autoctl::keeper::test
