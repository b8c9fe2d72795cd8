// What people and scripts of pg_autoctl are used to see, character by character.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cli/output/events.h"
#include "cli/output/settings.h"
#include "cli/output/state_document.h"
#include "cli/output/uri.h"

namespace autoctl::cli {
namespace {

using protocol::NodeDocument;
using protocol::StateDocument;
using testing::HasSubstr;

NodeDocument node(std::int64_t id, const std::string& name, NodeState state) {
  NodeDocument n;
  n.formation = "default";
  n.id = NodeId{id};
  n.name = n.host = name;
  n.port = 5432;
  n.reported = n.assigned = state;
  n.health = "healthy";
  n.connection = is_leader_state(state) ? "read-write" : "read-only";
  n.timeline = Timeline{1};
  n.lsn = *parse_lsn("0/3000148");
  n.ssl_mode = "require";
  n.report_age_ms = 100;
  return n;
}

StateDocument seed_state() {
  StateDocument state;
  state.formations = {{"default", "pgsql", "tutorial", 0}};
  state.groups = {{"default", 0, Term{7}, {1, {NodeId{2}}}, {1, {NodeId{2}}}, ""}};
  state.nodes = {node(1, "node2", NodeState::primary), node(2, "node1", NodeState::secondary)};
  return state;
}

TEST(StateTable, LooksLikeTheTutorials) {
  EXPECT_EQ(state_table(seed_state()),
            " Name |  Node |  Host:Port |       TLI: LSN |   Connection |      Reported State |      Assigned State\n"
            "------+-------+------------+----------------+--------------+---------------------+--------------------\n"
            "node2 |     1 | node2:5432 |   1: 0/3000148 |   read-write |             primary |             primary\n"
            "node1 |     2 | node1:5432 |   1: 0/3000148 |    read-only |           secondary |           secondary\n");
}

TEST(StateTable, ShowsRoleAndLagWhereThereIsRoom) {
  StateDocument state = seed_state();
  state.nodes[0].lsn = *parse_lsn("0/30D3148");
  EXPECT_EQ(state_table(state, 100), state_table(state)) << "a narrow terminal";
  EXPECT_EQ(state_table(state, 140),
            " Name |  Node |  Host:Port |       TLI: LSN |   Connection |      Reported State |      Assigned State | "
            "          Role |         Lag\n"
            "------+-------+------------+----------------+--------------+---------------------+---------------------+-"
            "---------------+------------\n"
            "node2 |     1 | node2:5432 |   1: 0/30D3148 |   read-write |             primary |             primary | "
            "        Leader |            \n"
            "node1 |     2 | node1:5432 |   1: 0/3000148 |    read-only |           secondary |           secondary | "
            "  Sync Standby |      844 kB\n");
}

TEST(StateTable, CitusNodesShowTheirGroupAndTheUnhealthyAreMarked) {
  StateDocument state = seed_state();
  state.formations[0].kind = "citus";
  state.nodes[1].health = "dead";
  state.nodes[1].health_reason = "its host refuses connections";
  state.nodes[1].connection = "none";
  state.groups[0].waiting_for = "node1 is dead; it will be taken back when it reports";
  EXPECT_EQ(state_table(state),
            " Name |  Node |  Host:Port |       TLI: LSN |   Connection |      Reported State |      Assigned State\n"
            "------+-------+------------+----------------+--------------+---------------------+--------------------\n"
            "node2 |   0/1 | node2:5432 |   1: 0/3000148 |   read-write |             primary |             primary\n"
            "node1 |   0/2 | node1:5432 |   1: 0/3000148 |       none ! |           secondary |           secondary\n"
            "\n"
            "Formation \"default\" group 0: node1 is dead; it will be taken back when it reports\n");
  state.groups[0].waiting_for.clear();
  EXPECT_THAT(state_table(state), HasSubstr("Node 2 \"node1\": dead, its host refuses connections\n"));
}

TEST(StateTable, SaysWhenTheMonitorDecidesNothing) {
  StateDocument state = seed_state();
  state.store_available = false;
  EXPECT_THAT(state_table(state), HasSubstr("decides nothing until it is back"));
}

TEST(StateJson, HasEveryKeyOfPgAutoctl) {
  const auto json = state_json(seed_state());
  ASSERT_TRUE(json.is_array());
  const auto& first = json.at(0);
  EXPECT_EQ(first["health"], 1);
  EXPECT_EQ(first["node_id"], 1);
  EXPECT_EQ(first["group_id"], 0);
  EXPECT_EQ(first["nodehost"], "node2");
  EXPECT_EQ(first["nodename"], "node2");
  EXPECT_EQ(first["nodeport"], 5432);
  EXPECT_EQ(first["nodecluster"], "default");
  EXPECT_EQ(first["reported_lsn"], "0/3000148");
  EXPECT_EQ(first["reported_tli"], 1);
  EXPECT_EQ(first["formation_kind"], "pgsql");
  EXPECT_EQ(first["candidate_priority"], 50);
  EXPECT_EQ(first["replication_quorum"], true);
  EXPECT_EQ(first["current_group_state"], "primary");
  EXPECT_EQ(first["assigned_group_state"], "primary");
  EXPECT_EQ(first["group_term"], 7);
}

TEST(StateJson, HealthIsUnknownBeforeTheFirstReport) {
  StateDocument state = seed_state();
  state.nodes[0].report_age_ms = -1;
  state.nodes[1].health = "unreachable";
  EXPECT_EQ(state_json(state).at(0)["health"], -1);
  EXPECT_EQ(state_json(state).at(1)["health"], 0);
}

protocol::EventDocument event() {
  protocol::EventDocument e;
  e.id = 42;
  e.time = "2026-11-21T14:57:16.315Z";
  e.formation = "default";
  e.node = NodeId{2};
  e.node_name = e.host = "node1";
  e.port = 5432;
  e.reported = NodeState::secondary;
  e.assigned = NodeState::prepare_promotion;
  e.kind = "goal";
  e.rule = "primary_died";
  e.description = "node 1 is dead: its host refuses connections";
  return e;
}

class Events : public testing::Test {
 protected:
  Events() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }
};

TEST_F(Events, ARowTellsWhoWhatAndWhy) {
  Table table = events_table();
  table.add(event_row(event()));
  EXPECT_EQ(table.text(),
            "             Event Time |   Node |       Current State |      Assigned State |                     Rule | "
            "Comment\n"
            "------------------------+--------+---------------------+---------------------+--------------------------+-"
            "---------\n"
            "2026-11-21 14:57:16.315 |    0/2 |           secondary |   prepare_promotion |             primary_died | "
            "node 1 is "
            "dead: its host refuses connections\n");
}

TEST_F(Events, JsonHasTheKeysOfPgAutoctl) {
  const auto json = event_json(event());
  for (const char* key : {"eventid", "eventtime", "formationid", "groupid", "nodeid", "nodename", "nodehost",
                          "nodeport", "reportedstate", "goalstate", "description"})
    EXPECT_TRUE(json.contains(key)) << key;
  EXPECT_EQ(json["goalstate"], "prepare_promotion");
  EXPECT_EQ(json["rule"], "primary_died");
}

TEST_F(Events, NotificationsLookLikeTheTutorials) {
  const Table table = notifications_table(seed_state());
  EXPECT_EQ(table.head() + table.line(notification_row(event(), "pgsql")),
            "    Time |  Name |  Node |  Host:Port |       Current State |      Assigned State\n"
            "---------+-------+-------+------------+---------------------+--------------------\n"
            "14:57:16 | node1 |     2 | node1:5432 |           secondary |   prepare_promotion\n");
}

TEST_F(Events, ATimeThatIsNoneIsShownAsItIs) {
  EXPECT_EQ(local_time("yesterday", "%H"), "yesterday");
}

TEST(Uri, OfAFormationNamesAllNodesInOrder) {
  EXPECT_EQ(formation_uri(seed_state(), "default", SessionAttrs::read_write),
            "postgres://node2:5432,node1:5432/tutorial?target_session_attrs=read-write&sslmode=require");
}

TEST(Uri, LeavesOutDroppedNodesAndWorkers) {
  StateDocument state = seed_state();
  state.nodes[0].assigned = NodeState::dropped;
  state.nodes.push_back(node(3, "worker", NodeState::primary));
  state.nodes[2].group = 1;
  EXPECT_EQ(formation_uri(state, "default", SessionAttrs::read_write),
            "postgres://node1:5432/tutorial?target_session_attrs=read-write&sslmode=require");
  EXPECT_EQ(formation_uri(state, "other", SessionAttrs::read_write), "");
}

TEST(Uri, ForReadersPrefersAStandbyAndOfACitusFormationItLeadsToTheCoordinators) {
  StateDocument state = seed_state();
  state.formations[0].kind = "citus";
  state.nodes.push_back(node(3, "worker1a", NodeState::primary));
  state.nodes.back().group = 1;
  EXPECT_EQ(formation_uri(state, "default", SessionAttrs::read_only),
            "postgres://node2:5432,node1:5432/tutorial?target_session_attrs=prefer-standby&sslmode=require");
  EXPECT_EQ(formation_uri(state, "default", SessionAttrs::read_write),
            "postgres://node2:5432,node1:5432/tutorial?target_session_attrs=read-write&sslmode=require");
}

TEST(Uri, QuotesNamesAndAddresses) {
  StateDocument state = seed_state();
  state.formations[0].dbname = "my db";
  state.nodes[0].host = "fd00::1";
  EXPECT_EQ(formation_uri(state, "default", SessionAttrs::read_write),
            "postgres://[fd00::1]:5432,node1:5432/my%20db?target_session_attrs=read-write&sslmode=require");
}

TEST(Uri, OfTheMonitorIsTheOneOfTheTutorials) {
  config::Config monitor;
  monitor.hostname = "m";
  monitor.ssl.mode = "require";
  EXPECT_EQ(monitor_uri(monitor), "postgres://autoctl_node@m:5432/pg_auto_failover?sslmode=require");
}

/// The file is on the machine where the URI is printed.
TEST(Uri, NamesTheAuthorityWhereCertificatesAreChecked) {
  config::Config monitor;
  monitor.hostname = "m";
  monitor.ssl = {.mode = "verify-full", .enabled = true, .issued = true, .ca_file = "/srv/m 1.autoctl/ca.crt"};
  EXPECT_EQ(
      monitor_uri(monitor),
      "postgres://autoctl_node@m:5432/pg_auto_failover?sslmode=verify-full&sslrootcert=/srv/m%201.autoctl/ca.crt");
  auto state = seed_state();
  const auto uri = [&] { return formation_uri(state, "default", SessionAttrs::read_write, "/srv/n.autoctl/ca.crt"); };
  EXPECT_THAT(uri(), testing::Not(testing::HasSubstr("sslrootcert")));
  for (auto& node : state.nodes) node.ssl_mode = "verify-full";
  EXPECT_THAT(uri(), testing::EndsWith("&sslmode=verify-full&sslrootcert=/srv/n.autoctl/ca.crt"));
}

TEST(Uri, OfAMonitorThatLetsInByScramOverTlsTrustsNobodyInBetween) {
  config::Config monitor;
  monitor.hostname = "m";
  monitor.auth = "scram-sha-256";
  monitor.ssl.mode = "require";
  monitor.ssl.enabled = true;
  EXPECT_EQ(monitor_uri(monitor),
            "postgres://autoctl_node@m:5432/pg_auto_failover?sslmode=require&channel_binding=require");
  for (const char* auth : {"trust", "md5", "password", "cert"}) {
    monitor.auth = auth;
    EXPECT_EQ(monitor_uri(monitor), "postgres://autoctl_node@m:5432/pg_auto_failover?sslmode=require") << auth;
  }
  monitor.auth = "scram-sha-256";
  monitor.ssl.enabled = false;
  EXPECT_EQ(monitor_uri(monitor), "postgres://autoctl_node@m:5432/pg_auto_failover?sslmode=require");
}

}  // namespace
}  // namespace autoctl::cli
