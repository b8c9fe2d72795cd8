// The monitor's engine with a store in memory, a clock set by hand, and keepers that only pretend.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>

#include "monitor/engine/engine.h"
#include "tests/support/memory_store.h"

namespace autoctl::test {

/// Remembers who is watched; the test says what was found.
class RecordingProber final : public monitor::Prober {
 public:
  void watch(NodeId node, const monitor::ProbeTarget& target) override {
    watched.insert(node);
    targets[node] = target;
  }
  void unwatch(NodeId node) override { watched.erase(node); }
  void prepare(const std::string&) override {}
  std::set<NodeId> watched;
  std::map<NodeId, monitor::ProbeTarget> targets;  // as last watched
};

/// One keeper, by its reports.
struct PretendedKeeper {
  NodeId id;
  std::string token;
  std::uint64_t connection = 0;
  std::string elsewhere = {};  // the address of its machine, if that is not the monitor's
  protocol::Report report;
  protocol::Assignment assignment;
  int answers = 0;
  std::optional<Error> refused;
};

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() { start_engine(); }

  void start_engine(bool open = true, monitor::Decide decide = monitor::decide) {
    engine = std::make_unique<monitor::Engine>(
        store, prober, monitor::Access(open, "operator-token", one_way, is_entry),
        monitor::Environment{.now = [this] { return now; },
                             .wall = [this] { return wall_start + (now - TimePoint{}); },
                             .random_token = [this] { return "token-" + std::to_string(++tokens); }},
        std::move(decide));
    if (auto image = store.load()) engine->restore(*image);
  }

  /// Stands for a hash: what it makes of two credentials is never the same.
  static std::string one_way(std::string_view credential) { return "hash of " + std::string(credential); }

  /// What the monitor's Postgres hands out.
  static bool is_entry(std::string_view credential) { return credential == "entry-credential"; }

  /// Time passes; timers run when they are due, keepers say nothing.
  void pass(Millis duration) {
    const TimePoint end = now + duration;
    while (engine->next_tick() < end) {
      now = std::max(now + std::chrono::microseconds(100), engine->next_tick());
      engine->tick();
    }
    now = end;
    engine->tick();
  }

  static protocol::RegisterRequest request(const std::string& name) {
    static int next_port = 5000;
    protocol::RegisterRequest r;
    r.name = name;
    r.host = "127.0.0.1";
    r.port = next_port++;
    r.api_port = next_port++;
    return r;
  }

  Result<protocol::RegisterAnswer> register_node(const protocol::RegisterRequest& r, const std::string& bearer = {},
                                                 const std::string& elsewhere = {}) {
    std::optional<Result<protocol::RegisterAnswer>> result;
    engine->register_node(r, {bearer, 0, {}, elsewhere},
                          [&](Result<protocol::RegisterAnswer> answer) { result = std::move(answer); });
    EXPECT_TRUE(result.has_value());
    return *result;
  }

  PretendedKeeper& add(const std::string& name) { return add(request(name)); }
  PretendedKeeper& add(const protocol::RegisterRequest& r, const std::string& bearer = {}) {
    const auto answer = register_node(r, bearer);
    EXPECT_TRUE(answer) << (answer ? "" : answer.error().message);
    auto& keeper = *keepers.emplace_back(std::make_unique<PretendedKeeper>());
    keeper.id = answer->node;
    keeper.token = answer->token;
    keeper.connection = static_cast<std::uint64_t>(answer->node.value);
    keeper.report.epoch = 1;
    keeper.report.host = r.host;
    keeper.report.port = r.port;
    keeper.report.api_port = r.api_port;
    keeper.report.facts.state = NodeState::init;
    return keeper;
  }

  void report(PretendedKeeper& keeper, bool wait = false) {
    ++keeper.report.sequence;
    keeper.report.wait = wait;
    keeper.report.known_version = keeper.assignment.version;
    keeper.refused.reset();
    engine->report(keeper.id, keeper.report, {keeper.token, keeper.connection, {}, keeper.elsewhere},
                   [&keeper](Result<protocol::Assignment> answer) {
                     ++keeper.answers;
                     if (answer)
                       keeper.assignment = *answer;
                     else
                       keeper.refused = answer.error();
                   });
  }

  /// Does at once what it was told, and sees what it should then see.
  void obey(PretendedKeeper& keeper) {
    NodeFacts& facts = keeper.report.facts;
    const Goal& goal = keeper.assignment.goal;
    facts.state = goal.state;
    facts.term = goal.term;
    facts.system_id = SystemId{4711};
    facts.timeline = Timeline{1};
    facts.lsn = Lsn{0x3000000};
    facts.prepared_peers.clear();
    facts.streaming.clear();
    facts.sync_in_force = {};
    facts.upstream = goal.upstream;
    facts.in_recovery = traits_of(goal.state).postgres == PostgresRole::standby;
    facts.postgres_running = facts.in_recovery || may_accept_writes(goal.state);
    facts.receiving = follows_primary(goal.state);
    if (!is_leader_state(goal.state)) return;
    facts.sync_in_force = goal.sync;
    for (const auto& peer : keeper.assignment.peers) {
      facts.prepared_peers.push_back(peer.id);
      for (const auto& other : keepers)
        if (other->id == peer.id && other->report.facts.receiving && other->report.facts.upstream == keeper.id)
          facts.streaming.push_back(peer.id);
    }
  }

  void obey_and_report(PretendedKeeper& keeper, bool wait = false) {
    obey(keeper);
    report(keeper, wait);
  }

  /// Until all keepers have done what follows from their being there.
  void settle() {
    for (int round = 0; round < 12; ++round)
      for (auto& keeper : keepers) obey_and_report(*keeper);
  }
  /// A group of two, settled, each with a report held open.
  void make_pair() {
    add("a");
    add("b");
    settle();
    ASSERT_EQ(a().assignment.goal.state, NodeState::primary);
    ASSERT_EQ(b().assignment.goal.state, NodeState::secondary);
    ASSERT_EQ(store.groups.at({"default", 0}).quorum_confirmed.voters, std::vector<NodeId>{b().id});
    hold_all();
  }
  void hold_all() {
    for (auto& keeper : keepers) obey_and_report(*keeper, true);
  }
  /// All keepers report once a heartbeat while time passes.
  void pass_reporting(Millis duration, const std::set<PretendedKeeper*>& silent = {}) {
    for (Millis done{0}; done < duration; done += Millis{500}) {
      for (auto& keeper : keepers)
        if (!silent.contains(keeper.get())) report(*keeper, true);
      pass(Millis{500});
    }
  }

  /// Why its last report was refused; internal when it was not.
  static Errc refusal(const PretendedKeeper& keeper) { return keeper.refused ? keeper.refused->code : Errc::internal; }

  PretendedKeeper& a() { return *keepers[0]; }
  PretendedKeeper& b() { return *keepers[1]; }

  protocol::StateDocument state() {
    std::optional<protocol::StateDocument> document;
    engine->state("", std::nullopt, {"operator-token", 0},
                  [&](Result<protocol::StateDocument> result) { document = result.value(); });
    return *document;
  }
  bool has_event(const std::string& words, const std::string& kind = {}) const {
    return std::ranges::any_of(store.all_events(), [&](const auto& e) {
      return (e.description.find(words) != std::string::npos || e.rule == words) && (kind.empty() || e.kind == kind);
    });
  }

  TimePoint now = TimePoint{} + std::chrono::hours(1);
  const std::chrono::system_clock::time_point wall_start{std::chrono::hours(24 * 365 * 50)};
  int tokens = 0;  // given out
  MemoryStore store;
  RecordingProber prober;
  std::unique_ptr<monitor::Engine> engine;
  std::vector<std::unique_ptr<PretendedKeeper>> keepers;
};

}  // namespace autoctl::test
