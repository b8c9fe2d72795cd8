// What operators set of nodes, and what follows for the formation.
#include "tests/support/engine_fixture.h"

namespace autoctl::test {
namespace {

class EngineSettings : public EngineTest {
 protected:
  Result<protocol::SettingsDocument> set(NodeId node, const std::string& name, const std::string& value) {
    std::optional<Result<protocol::SettingsDocument>> result;
    engine->change_node(node, {"default", {{name, value}}}, {}, [&](auto answer) { result = std::move(answer); });
    return *result;
  }
  Result<protocol::SettingsDocument> set_sync_standbys(int number) {
    std::optional<Result<protocol::SettingsDocument>> result;
    engine->change_settings({"default", {{"number_sync_standbys", std::to_string(number)}}}, {},
                            [&](auto answer) { result = std::move(answer); });
    return *result;
  }
  void drop(NodeId id) {
    engine->drop_node(id, false, {}, [](const Result<>& answer) { EXPECT_TRUE(answer); });
  }
  int sync_standbys() const { return store.formations.at("default").settings.number_sync_standbys; }
  void make_group_of(int nodes) {
    for (int n = 0; n < nodes; ++n) {
      add("node" + std::to_string(keepers.size()));
      settle();
    }
    settle();
  }
  SyncQuorum quorum() const { return store.groups.at({"default", 0}).quorum_confirmed; }
};

TEST_F(EngineSettings, OneStandbyHasToStayAvailableFromTheSecondOn) {
  make_group_of(2);
  EXPECT_EQ(sync_standbys(), 0);
  make_group_of(1);
  EXPECT_EQ(sync_standbys(), 1);
  EXPECT_TRUE(has_event("number_sync_standbys is 1 from now on", "monitor"));
  make_group_of(1);
  EXPECT_EQ(sync_standbys(), 1) << "only the second one changes it";
  ASSERT_TRUE(set_sync_standbys(2));
  EXPECT_EQ(quorum().acks, 1) << "not in force yet";
  settle();
  EXPECT_EQ(quorum().acks, 2);
  drop(keepers[3]->id);
  EXPECT_EQ(sync_standbys(), 1) << "two are left";
  drop(keepers[2]->id);
  EXPECT_EQ(sync_standbys(), 0) << "one is left";
}

TEST_F(EngineSettings, WhatAnOperatorHasSetIsKeptWhenAThirdStandbyComesOrGoes) {
  make_group_of(3);
  ASSERT_TRUE(set_sync_standbys(0));
  make_group_of(1);
  EXPECT_EQ(sync_standbys(), 0);
  drop(keepers[3]->id);
  EXPECT_EQ(sync_standbys(), 0);
}

TEST_F(EngineSettings, APrimaryThatIsDroppedTakesAStandbyFromTheOthers) {
  make_group_of(3);
  drop(a().id);
  EXPECT_EQ(sync_standbys(), 0) << "one of the two is the primary next";
}

/// Dropped once, a node is no standby any more: to insist changes nothing further.
TEST_F(EngineSettings, ANodeThatIsDroppedTwiceCountsOnce) {
  make_group_of(4);
  ASSERT_TRUE(set_sync_standbys(2));
  settle();
  const NodeId gone = keepers[3]->id;
  drop(gone);
  EXPECT_EQ(sync_standbys(), 1);
  engine->disconnected(keepers[3]->connection);
  pass_reporting(Millis{30'000}, {keepers[3].get()});
  engine->drop_node(gone, false, {}, [](const Result<>&) {});
  EXPECT_FALSE(store.nodes.contains(gone));
  EXPECT_EQ(sync_standbys(), 1);
}

TEST_F(EngineSettings, AStandbyInMaintenanceStillCountsAndIsNotWaitedFor) {
  make_group_of(3);
  std::optional<Result<protocol::OperationDocument>> started;
  engine->start_operation({.kind = "maintenance", .name = "node2"}, {}, [&](auto answer) { started = answer; });
  ASSERT_TRUE(started && *started);
  settle();
  EXPECT_EQ(sync_standbys(), 1);
  EXPECT_EQ(quorum(), (SyncQuorum{1, {b().id}})) << "one acknowledgement, of the one that is left";
  drop(b().id);
  EXPECT_EQ(sync_standbys(), 0) << "the other standby is the operator's: commits wait for nobody";
}

TEST_F(EngineSettings, AReadReplicaChangesNothing) {
  make_group_of(2);
  auto replica = request("replica");
  replica.candidate_priority = 0;
  replica.replication_quorum = false;
  add(replica);
  settle();
  EXPECT_EQ(sync_standbys(), 0);
  EXPECT_EQ(quorum(), (SyncQuorum{1, {b().id}}));
  drop(keepers[2]->id);
  EXPECT_EQ(sync_standbys(), 0);
}

TEST_F(EngineSettings, MoreThanThereAreStandbysIsRefused) {
  make_group_of(3);
  const auto refused = set_sync_standbys(2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_NE(refused.error().message.find("needs 3 standby nodes"), std::string::npos) << refused.error().message;
  EXPECT_EQ(sync_standbys(), 1);
  const auto leaves = set(b().id, "replication_quorum", "false");
  ASSERT_FALSE(leaves);
  EXPECT_EQ(leaves.error().code, Errc::conflict) << leaves.error().message;
  EXPECT_TRUE(store.nodes.at(b().id).replication_quorum);
}

TEST_F(EngineSettings, AStandbyLeavesTheQuorumAndComesBack) {
  make_group_of(3);
  const NodeId second = b().id;
  const NodeId third = keepers[2]->id;
  ASSERT_TRUE(set_sync_standbys(0));
  ASSERT_TRUE(set(second, "replication_quorum", "false"));
  settle();
  EXPECT_EQ(quorum(), (SyncQuorum{1, {third}}));
  ASSERT_TRUE(set(second, "replication_quorum", "true"));
  settle();
  EXPECT_EQ(quorum(), (SyncQuorum{1, {second, third}}));
  EXPECT_TRUE(has_event("replication_quorum = false", "operator"));
}

TEST_F(EngineSettings, NodeSettingsAreCheckedAndStored) {
  make_group_of(2);
  EXPECT_EQ(set(a().id, "candidate_priority", "101").error().code, Errc::bad_usage);
  EXPECT_EQ(set(a().id, "candidate_priority", "").error().code, Errc::bad_usage);
  EXPECT_EQ(set(a().id, "candidate_prio", "1").error().code, Errc::not_found);
  EXPECT_EQ(set(a().id, "replication_quorum", "perhaps").error().code, Errc::bad_usage);
  EXPECT_EQ(set(NodeId{99}, "candidate_priority", "1").error().code, Errc::not_found);
  ASSERT_TRUE(set(a().id, "candidate_priority", "0"));
  EXPECT_EQ(set(b().id, "candidate_priority", "0").error().code, Errc::conflict) << "nobody would be left";
  EXPECT_EQ(set(a().id, "name", "node1").error().code, Errc::conflict) << "taken";
  EXPECT_EQ(set(a().id, "name", "no\ngood").error().code, Errc::bad_usage);
  ASSERT_TRUE(set(a().id, "name", "first"));
  ASSERT_TRUE(set(a().id, "region", "west"));
  const auto& row = store.nodes.at(a().id);
  EXPECT_EQ(row.candidate_priority, 0);
  EXPECT_EQ(row.name, "first");
  EXPECT_EQ(row.region, "west");
}

TEST_F(EngineSettings, ManualFailoverIsForNoneForAllOrForSomeGroups) {
  make_group_of(1);
  const auto set_to = [this](const std::string& value) -> std::string {
    std::optional<Result<protocol::SettingsDocument>> result;
    engine->change_settings({"default", {{"manual_failover", value}}}, {},
                            [&](auto answer) { result = std::move(answer); });
    if (!*result) return result->error().message;
    for (const auto& [name, text] : (*result)->values)
      if (name == "manual_failover") return text;
    return "missing";
  };
  EXPECT_EQ(set_to("all"), "all");
  EXPECT_EQ(set_to("true"), "all");
  EXPECT_EQ(set_to("2,0,2"), "0,2");
  EXPECT_EQ(set_to("none"), "none");
  for (const char* wrong : {"", ",", "0,", "1;2", "-1", "some", "10001"})
    EXPECT_NE(set_to(wrong).find("neither none, nor all"), std::string::npos) << wrong;
}

}  // namespace
}  // namespace autoctl::test
