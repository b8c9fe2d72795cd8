// list, topology, history and the choice of a member: values in, text out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/commands/patroni_words.h"
#include "cli/output/history.h"
#include "cli/output/members.h"

namespace autoctl::cli {
namespace {

using protocol::EventDocument;
using protocol::NodeDocument;
using protocol::StateDocument;
using testing::HasSubstr;

NodeDocument node(std::int64_t id, NodeState state, Lsn lsn, GroupId group = 0) {
  NodeDocument node;
  node.formation = "demo";
  node.group = group;
  node.id = NodeId{id};
  node.name = "n" + std::to_string(id);
  node.host = "10.0.0." + std::to_string(id);
  node.port = 5432;
  node.reported = node.assigned = state;
  node.health = "healthy";
  node.report_age_ms = 20;
  node.connection = is_leader_state(state) ? "read-write" : "read-only";
  node.timeline = Timeline{3};
  node.lsn = lsn;
  return node;
}

/// Of three nodes, the second is the primary, and waits for the first one only.
StateDocument sample() {
  StateDocument state;
  state.formations = {{.name = "demo"}};
  state.groups = {{.formation = "demo", .quorum_confirmed = {1, {NodeId{1}}}}};
  state.nodes = {node(1, NodeState::secondary, Lsn{0x3000000}), node(2, NodeState::primary, Lsn{0x3000000}),
                 node(3, NodeState::secondary, Lsn{0x1000000})};
  return state;
}

TEST(Members, HaveRoleStateTimelineAndLag) {
  EXPECT_EQ(to_text(members_sheet(sample(), "demo", {}), SheetFormat::pretty),
            "+ Cluster: demo ----+--------------+-----------+----+-----------+\n"
            "| Member | Host     | Role         | State     | TL | Lag in MB |\n"
            "+--------+----------+--------------+-----------+----+-----------+\n"
            "| n1     | 10.0.0.1 | Sync Standby | streaming |  3 |         0 |\n"
            "| n2     | 10.0.0.2 | Leader       | running   |  3 |           |\n"
            "| n3     | 10.0.0.3 | Replica      | streaming |  3 |        32 |\n"
            "+--------+----------+--------------+-----------+----+-----------+\n");
}

TEST(Members, ForScripts) {
  const std::string json = to_text(members_sheet(sample(), "demo", {}), SheetFormat::json);
  EXPECT_THAT(json, HasSubstr("\"Member\": \"n3\",\n    \"Host\": \"10.0.0.3\",\n    \"Role\": \"Replica\",\n"
                              "    \"State\": \"streaming\",\n    \"TL\": 3,\n    \"Lag in MB\": 32\n"));
  EXPECT_THAT(json, HasSubstr("\"State\": \"running\",\n    \"TL\": 3\n")) << "a leader has no lag";
}

TEST(Members, ATreeHasThePrimaryFirst) {
  const std::string tree = to_text(topology_sheet(sample(), "demo", {}), SheetFormat::tsv);
  EXPECT_THAT(tree, testing::ContainsRegex("n2\t.*\n\\+ n1\t.*\n\\+ n3\t"));
}

TEST(Members, OneOfSeveralThatAreEnoughIsOfTheQuorum) {
  StateDocument state = sample();
  state.groups[0].quorum_confirmed = {1, {NodeId{1}, NodeId{3}}};
  EXPECT_EQ(member_role(state, state.nodes[0]), "Quorum Standby");
  state.groups[0].quorum_confirmed.acks = 2;
  EXPECT_EQ(member_role(state, state.nodes[0]), "Sync Standby");
  state.nodes[0].assigned = NodeState::catchingup;
  EXPECT_EQ(member_role(state, state.nodes[0]), "Replica") << "nothing is counted on it";
}

TEST(Members, WhoIsNotHeardHasNoLag) {
  StateDocument state = sample();
  state.nodes[2].health = "dead";
  state.nodes[0].progress_percent = 40;
  const std::string text = to_text(members_sheet(state, "demo", {}), SheetFormat::tsv);
  EXPECT_THAT(text, HasSubstr("n3\t10.0.0.3\tReplica\tstopped\t3\tunknown\n"));
  EXPECT_THAT(text, HasSubstr("creating replica"));
}

TEST(Members, PortsAreShownWhereTheyTellNodesApart) {
  StateDocument state = sample();
  state.nodes[1].host = state.nodes[0].host;
  EXPECT_THAT(to_text(members_sheet(state, "demo", {}), SheetFormat::tsv), HasSubstr("10.0.0.3:5432"));
}

TEST(Members, OfCitusHaveTheirGroup) {
  StateDocument state = sample();
  state.formations[0].kind = "citus";
  state.nodes[2].group = 1;
  const std::string all = to_text(members_sheet(state, "demo", {}), SheetFormat::pretty);
  EXPECT_THAT(all, HasSubstr("+ Citus cluster: demo "));
  EXPECT_THAT(all, HasSubstr("|     1 | n3 "));
  const std::string one = to_text(members_sheet(state, "demo", 1), SheetFormat::pretty);
  EXPECT_THAT(one, HasSubstr("+ Citus cluster: demo (group: 1) "));
  EXPECT_THAT(one, testing::Not(HasSubstr("n1")));
  EXPECT_THAT(one, testing::Not(HasSubstr("Group")));
}

TEST(Members, AreChosenByRoleOrName) {
  StateDocument state = sample();
  const auto chosen = [&](const std::string& role, const std::string& member) {
    const auto found = choose_member(state, {role, member});
    return found ? (*found)->name : std::string(protocol::to_string(found.error().code));
  };
  EXPECT_EQ(chosen("", ""), "n2");
  EXPECT_EQ(chosen("primary", ""), "n2");
  EXPECT_EQ(chosen("standby", ""), "n1");
  EXPECT_EQ(chosen("any", ""), "n1");
  EXPECT_EQ(chosen("", "n3"), "n3");
  EXPECT_EQ(chosen("", "n4"), "not_found");
  state.nodes[0].connection = "none";
  EXPECT_EQ(chosen("replica", ""), "n3") << "the next one that takes connections";
  EXPECT_EQ(chosen("", "n1"), "conflict");
  state.nodes[2].health = "unreachable";
  EXPECT_EQ(chosen("standby", ""), "not_found");
}

EventDocument event(const std::string& name, NodeState assigned, const std::string& rule, const std::string& why) {
  EventDocument event;
  event.node = NodeId{1};
  event.node_name = name;
  event.assigned = assigned;
  event.kind = "goal";
  event.rule = rule;
  event.description = why;
  event.time = "2026-11-30T10:00:00.000Z";
  return event;
}

TEST(History, SaysWhyATimelineEndedAndWhoTookOver) {
  StateDocument state = sample();
  state.nodes[1].history = {{Timeline{1}, Lsn{0x1000000}}, {Timeline{2}, Lsn{0x2000000}}};
  const std::vector<EventDocument> events = {
      event("n1", NodeState::demote_timeout, "primary_is_dead", "n1 is dead"),
      event("n2", NodeState::stop_replication, "candidate_ready", "n2 is ready"),
      event("n2", NodeState::wait_primary, "candidate_promoted", "n2 accepts writes on timeline 3"),
      event("n2", NodeState::draining, "switchover_starts", "something later")};
  EXPECT_EQ(to_text(history_sheet(state.nodes, events), SheetFormat::tsv),
            "TL\tLSN\tReason\tTimestamp\tNew Leader\n"
            "1\t0/1000000\t\t\t\n"
            "2\t0/2000000\tprimary_is_dead: n1 is dead\t2026-11-30T10:00:00.000Z\tn2\n");
  EXPECT_EQ(to_text(history_sheet({}, {}), SheetFormat::tsv), "TL\tLSN\tReason\tTimestamp\tNew Leader\n");
}

TEST(PatroniWords, HaveAnAnswerThatSaysWhatToType) {
  for (const char* word : {"flush", "edit-config", "show-config", "remove", "demote-cluster", "promote-cluster"}) {
    const auto answer = patroni_answer("autoctl", word);
    ASSERT_TRUE(answer) << word;
    EXPECT_FALSE(answer->hint.empty()) << word;
  }
  EXPECT_TRUE(patroni_answer("autoctl restart", "node_1"));
  EXPECT_FALSE(patroni_answer("autoctl", "swichover"));
  EXPECT_FALSE(patroni_answer("autoctl show", "remove"));
}

}  // namespace
}  // namespace autoctl::cli
