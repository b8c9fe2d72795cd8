#include "support/cluster_test.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

namespace autoctl::test {

Load::Load(lab::LocalCluster& cluster) : cluster_(cluster) {}

void Load::start() {
  const std::string database = cluster_.read_write();
  ASSERT_TRUE(lab::eventually(Millis(20'000), [&] { return lab::WritingClient::prepare(database).has_value(); }))
      << "no primary takes writes";
  lab::ClientOptions options;
  options.servers = cluster_.servers();
  writer_ = std::make_unique<lab::WritingClient>(options);
  for (const auto& node : cluster_.nodes()) {
    lab::ClientOptions observer;
    observer.source = node->name();
    observer.servers = {{node->host(), node->pgport()}};
    observer.any_server = true;
    observer.interval = observer.retry_interval = Millis(30);
    observers_.push_back(std::make_unique<lab::WritingClient>(std::move(observer)));
  }
  writer_->start();
  for (const auto& observer : observers_) observer->start();
}

void Load::stop() {
  writer_->stop();
  for (const auto& observer : observers_) observer->stop();
}

testing::AssertionResult Load::progresses(std::size_t rows, Millis timeout) const {
  const std::size_t enough = writer_->acknowledged() + rows;
  if (lab::eventually(timeout, [&] { return writer_->acknowledged() >= enough; })) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "the writer does not write: " << writer_->trouble();
}

std::vector<const lab::WritingClient*> Load::clients() const {
  std::vector<const lab::WritingClient*> all = {writer_.get()};
  for (const auto& observer : observers_) all.push_back(observer.get());
  return all;
}

std::size_t Load::acknowledged_by(const lab::AutoctlDaemon& node, TimePoint since) const {
  std::size_t count = 0;
  for (const auto* client : clients())
    count += static_cast<std::size_t>(std::ranges::count_if(
        client->acknowledgements(), [&](const auto& ack) { return ack.port == node.pgport() && ack.sent >= since; }));
  return count;
}

std::optional<std::string> Load::split_brain() const {
  std::vector<lab::Acknowledgement> all;
  for (const auto* client : clients()) {
    const auto acks = client->acknowledgements();
    all.insert(all.end(), acks.begin(), acks.end());
  }
  return lab::find_split_brain(all);
}

void Load::verify() {
  for (const auto* client : clients()) {
    const auto lost = client->lost(cluster_.read_write());
    ASSERT_TRUE(ok(lost));
    EXPECT_EQ(lost->size(), 0U) << client->options().source << " lost acknowledged rows, the first is "
                                << (lost->empty() ? 0 : lost->front());
  }
  const auto split = split_brain();
  EXPECT_FALSE(split) << *split;
}

std::string autoctl_under_test() {
  const char* named = std::getenv("AUTOCTL_BIN");
  return named != nullptr ? named : AUTOCTL_BINARY;
}

ClusterTest::ClusterTest() = default;
ClusterTest::~ClusterTest() = default;

void ClusterTest::SetUp() {
  ASSERT_NE(::geteuid(), 0U) << "Postgres refuses to run as root: use ./scripts/test, or ./scripts/sandbox "
                             << program_invocation_name;
  auto scratch = lab::ScratchDirectory::make("e2e-");
  ASSERT_TRUE(ok(scratch));
  scratch_.emplace(std::move(*scratch));
  cluster_.emplace(autoctl_under_test(), directory());
}

void ClusterTest::TearDown() {
  if (!cluster_ || !HasFailure()) return;
  const auto print_log = [](const lab::AutoctlDaemon& agent) {
    std::cout << "---- end of " << agent.name() << "'s log\n" << agent.log_tail(60);
  };
  if (cluster_->has_monitor()) {
    if (const auto state = cluster_->state()) std::cout << "---- state\n" << lab::describe(*state);
    print_log(cluster_->monitor());
  }
  for (const auto& node : cluster_->nodes()) print_log(*node);
  if (const char* kept = std::getenv("AUTOCTL_KEEP_LOGS")) keep_logs(kept);
}

void ClusterTest::keep_logs(const std::string& where) const {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  const std::string archive =
      fmt::format("{}/{}.{}.{}.tar.gz", where, test->test_suite_name(), test->name(), ::getpid());
  shell("find . -name '*.log' -o -name state.json | tar -czf " + archive + " --ignore-failed-read -T -");
  std::cout << "logs are in " << archive << "\n";
}

void ClusterTest::start_cluster(int nodes, const std::vector<lab::LocalCluster::Place>& places) {
  const auto place = [&](std::size_t number) {
    return number < places.size() ? places[number] : lab::LocalCluster::Place{};
  };
  ASSERT_TRUE(ok(cluster().create_monitor(place(0))));
  for (int number = 1; number <= nodes; ++number) {
    ASSERT_TRUE(ok(cluster().create_node("node_" + std::to_string(number), place(static_cast<std::size_t>(number)))));
    expect_settled();
    ASSERT_FALSE(HasFatalFailure());
  }
}

void ClusterTest::expect_settled(Millis timeout) {
  ASSERT_TRUE(ok(cluster().wait_settled(timeout)));
}

Finished ClusterTest::autoctl(const std::vector<std::string>& words, Millis timeout) const {
  Command command;
  command.argv = {autoctl_under_test()};
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  command.working_directory = directory();
  auto finished = autoctl::run(command, timeout);
  EXPECT_TRUE(ok(finished));
  return finished ? std::move(*finished) : Finished{};
}

Finished ClusterTest::at_monitor(std::vector<std::string> words) {
  words.insert(words.end(), {"--pgdata", cluster().monitor().pgdata()});
  return autoctl(words);
}

void ClusterTest::say(const std::vector<std::string>& words) {
  const auto done = at_monitor(words);
  ASSERT_EQ(done.exit_code, 0) << done.output;
}

bool ClusterTest::is_said(const std::vector<std::string>& words, const std::string& what, Millis patience) {
  return lab::eventually(patience, [&] { return at_monitor(words).output.find(what) != std::string::npos; });
}

Finished ClusterTest::shell(const std::string& script, Millis timeout) const {
  Command command;
  command.argv = {"/bin/sh", "-c", script};
  command.working_directory = directory();
  auto finished = autoctl::run(command, timeout);
  EXPECT_TRUE(ok(finished));
  return finished ? std::move(*finished) : Finished{};
}

std::vector<std::string> ClusterTest::query(const lab::AutoctlDaemon& node, const std::string& sql,
                                            const std::string& dbname) const {
  std::vector<std::string> values;
  auto connection = pg::Connection::open(lab::conninfo({{node.host(), node.pgport()}}, dbname, "any"), Millis(10'000));
  EXPECT_TRUE(ok(connection));
  if (!connection) return values;
  const auto rows = connection->query(sql, Millis(30'000));
  EXPECT_TRUE(ok(rows)) << sql;
  for (int row = 0; rows && row < rows->size(); ++row) values.push_back(rows->text(row, 0));
  return values;
}

}  // namespace autoctl::test
