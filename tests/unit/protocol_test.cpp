#include "common/protocol/protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace autoctl::protocol {
namespace {

using nlohmann::json;
using testing::HasSubstr;

SyncQuorum sample_quorum() {
  return {.acks = 1, .voters = {NodeId{2}, NodeId{3}}};
}

Goal sample_goal() {
  return {.state = NodeState::stop_replication,
          .term = Term{7},
          .upstream = NodeId{2},
          .sync = sample_quorum(),
          .fence = true,
          .checkpoint = true,
          .await_lsn = Lsn{0x16B374D848},
          .keep_history = true,
          .fresh_copy = true};
}

NodeFacts sample_facts() {
  NodeFacts facts;
  facts.state = NodeState::catchingup;
  facts.term = Term{6};
  facts.postgres_running = facts.in_recovery = facts.cannot_run = facts.cannot_write = facts.forked = facts.receiving =
      true;
  facts.trouble = "disk \"full\" \xC3\xBC";
  facts.system_id = SystemId{18446744073709551615ULL};
  facts.timeline = Timeline{4};
  facts.lsn = Lsn{0x3000148};
  facts.history = {{Timeline{1}, Lsn{0x1000000}}, {Timeline{3}, Lsn{0x2000000}}};
  facts.sync_in_force = sample_quorum();
  facts.prepared_peers = {NodeId{2}};
  facts.streaming = {NodeId{3}};
  facts.upstream = NodeId{1};
  facts.upstream_port = PortState::stranger;
  facts.progress_percent = 42;
  return facts;
}

ScramVerifier some_verifier() {
  return *ScramVerifier::parse("SCRAM-SHA-256$4096:" + std::string(22, 'a') + "==$" + std::string(43, 'b') +
                               "=:" + std::string(43, 'c') + "=");
}
Fingerprint some_certificate() {
  return *Fingerprint::parse("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
}

TrustFacts some_trust() {
  return {"bundle", "authority", "01", 1, 2};
}

NodeDocument sample_node() {
  NodeDocument node;
  node.formation = "default";
  node.group = 1;
  node.id = NodeId{3};
  node.name = "node_3";
  node.host = "db3";
  node.kind = "pgsql";
  node.role = "worker";
  node.region = "eu";
  node.port = 5432;
  node.api_port = 7432;
  node.history = {{Timeline{1}, Lsn{0x3000000}}};
  node.lineage = "follows";
  node.reported = NodeState::secondary;
  node.assigned = NodeState::prepare_promotion;
  node.health = "suspected";
  node.health_reason = "silent";
  node.connection = "read-only";
  node.timeline = Timeline{2};
  node.lsn = Lsn{99};
  node.candidate_priority = 10;
  node.replication_quorum = false;
  node.electable = true;
  node.not_electable_because = "a";
  node.trouble = "b";
  node.ssl_mode = "require";
  node.progress_percent = 3;
  node.report_age_ms = 12;
  node.pg_version = "15.4";
  node.twin = "another host says to be it";
  node.citus_cluster = "reports";
  node.trust = some_trust();
  return node;
}

template <class T>
T sample();
template <>
SyncQuorum sample() {
  return sample_quorum();
}
template <>
ExplanationDocument sample() {
  return {.formation = "default",
          .group = 1,
          .primary = "node_1",
          .would_win = "node_2",
          .explanation = "node_1 is the primary",
          .others = {{"node_3", "its candidate priority is 0"}}};
}
template <>
ExplanationsDocument sample() {
  return {{sample<ExplanationDocument>()}};
}
template <>
Goal sample() {
  return sample_goal();
}
template <>
HistoryEntry sample() {
  return {Timeline{9}, Lsn{1}};
}
template <>
NodeFacts sample() {
  return sample_facts();
}
template <>
CitusNode sample() {
  return {NodeId{4}, "worker1a", "w1", 5433, NodeState::secondary, true, "reports", true};
}
template <>
CitusRoute sample() {
  return {1, Term{9}, NodeId{4}, NodeId{5}, Millis{400}, {sample<CitusNode>()}};
}
template <>
CitusPlan sample() {
  return {{sample<CitusRoute>()}};
}
template <>
CitusRouteFacts sample() {
  return {1, NodeId{4}, NodeId{5}, "holds shards"};
}
template <>
CitusFacts sample() {
  return {true, {sample<CitusRouteFacts>()}, {"worker1a is not active"}};
}
template <>
CitusDocument sample() {
  return {"f", NodeId{1}, sample<CitusPlan>(), sample<CitusFacts>()};
}
template <>
Peer sample() {
  return {
      NodeId{1},       "a", "b", 5432, NodeState::primary, 3, 7, {*IpAddress::parse("fd00::2")}, {some_certificate()},
      some_verifier(), 70};
}
template <>
ShownCertificates sample() {
  return {.postgres = {some_certificate(), Fingerprint{}}, .keeper = {some_certificate()}};
}
template <>
Standing sample() {
  return {70, false, "eu", {{"heartbeat", "500"}}};
}
template <>
FormerNode sample() {
  return {NodeId{4}, "secret", {{"heartbeat", "500"}}};
}
template <>
Memory sample() {
  return {sample_goal(), {sample<Peer>()}, {sample<Peer>()}};
}
template <>
News sample() {
  return {3, "WAL was kept"};
}
template <>
TrustGoal sample() {
  return {"bundle", "authority", 3};
}
template <>
TrustFacts sample() {
  return some_trust();
}
template <>
CertificateRequest sample() {
  return {"request", "db1"};
}
template <>
CertificateAnswer sample() {
  return {"leaf", "root"};
}
template <>
RegisterRequest sample() {
  RegisterRequest r;
  r.verifier = some_verifier();
  r.formation = "f";
  r.kind = "citus";
  r.role = "worker";
  r.group = 2;
  r.name = "n";
  r.host = "::1";
  r.port = 5433;
  r.api_port = 7433;
  r.dbname = "app";
  r.system_id = SystemId{7};
  r.existing_standby = true;
  r.csr = "-----BEGIN CERTIFICATE REQUEST-----\n";
  r.candidate_priority = 0;
  r.replication_quorum = false;
  r.region = "eu";
  r.ssl_mode = "verify-full";
  r.citus_secondary = true;
  r.citus_cluster = "reports";
  r.proxy_port = 6432;
  r.former = sample<FormerNode>();
  return r;
}
template <>
RegisterAnswer sample() {
  return {NodeId{4}, 1, "node_4", "t0ken", "monitor", "secret", sample_goal(), "app", "leaf\n", "root\n"};
}
template <>
Report sample() {
  return {.protocol = version,
          .epoch = std::uint64_t{1} << 62,
          .sequence = 2,
          .wait = true,
          .known_version = 3,
          .host = "h",
          .port = 1,
          .api_port = 2,
          .addresses = {{*IpAddress::parse("10.0.0.2"), *IpAddress::parse("fd00::2")}},
          .certificates = sample<ShownCertificates>(),
          .ssl_mode = "verify-full",
          .verifier = some_verifier(),
          .trust = sample<TrustFacts>(),
          .pg_version = "15.4",
          .instance = {.id = "b", .number = 7, .former = {"a"}, .confirmed = 6, .place = "here"},
          .facts = sample_facts(),
          .left = Millis{11},
          .looked = Millis{12},
          .leased_until = Millis{13},
          .strict_lease = true,
          .citus = sample<CitusFacts>(),
          .memory = sample<Memory>(),
          .news = {sample<News>()}};
}
template <>
Assignment sample() {
  return {.monitor_id = "m",
          .version = 5,
          .lease = Millis{4000},
          .lease_required = true,
          .strict_lease = true,
          .check_upstream = true,
          .heartbeat = Millis{250},
          .goal = sample_goal(),
          .peers = {sample<Peer>()},
          .neighbours = {sample<Peer>()},
          .citus = sample<CitusPlan>(),
          .standing = sample<Standing>(),
          .trust = sample<TrustGoal>(),
          .notice = "waits for a coordinator"};
}
template <>
NodeDocument sample() {
  return sample_node();
}
template <>
GroupDocument sample() {
  return {"f", 1, Term{8}, sample_quorum(), {}, "a standby"};
}
template <>
FormationDocument sample() {
  return {"f", "citus", "app", 1, true, false};
}
template <>
StateDocument sample() {
  return {"m",
          "0.1",
          false,
          false,
          "it is late",
          sample<TrustGoal>(),
          "waits for node_2",
          {sample<FormationDocument>()},
          {sample<GroupDocument>()},
          {sample_node()},
          {sample<CitusDocument>()}};
}
template <>
EventDocument sample() {
  return {1,
          "2026-01-01T00:00:00.000Z",
          "f",
          1,
          NodeId{2},
          "n",
          "h",
          3,
          NodeState::primary,
          NodeState::draining,
          Term{4},
          "goal",
          "rule",
          "because",
          "who",
          "from",
          "reason"};
}
template <>
EventsDocument sample() {
  return {{sample<EventDocument>()}, 17};
}
template <>
OperationRequest sample() {
  return {"maintenance", "f", 3, "n", true, Timeline{4}, "because"};
}
template <>
OperationDocument sample() {
  return {1, "switchover", "f", 2, "running", "wait", 3};
}
template <>
SettingsDocument sample() {
  return {"f", {{"heartbeat", "1000"}, {"lease", "4000"}}};
}
template <>
ErrorDocument sample() {
  return {"conflict", "no", "try"};
}

template <class T>
class RoundTrip : public testing::Test {};
using AllTypes =
    testing::Types<SyncQuorum, Goal, HistoryEntry, NodeFacts, CitusNode, CitusRoute, CitusPlan, CitusRouteFacts,
                   CitusFacts, CitusDocument, FormerNode, Memory, Standing, News, RegisterRequest, RegisterAnswer,
                   Report, Peer, ShownCertificates, Assignment, NodeDocument, GroupDocument, FormationDocument,
                   StateDocument, ExplanationDocument, ExplanationsDocument, EventDocument, EventsDocument,
                   OperationRequest, OperationDocument, SettingsDocument, ErrorDocument, TrustGoal, TrustFacts,
                   CertificateRequest, CertificateAnswer>;
TYPED_TEST_SUITE(RoundTrip, AllTypes);

TYPED_TEST(RoundTrip, KeepsEveryField) {
  const std::string once = encode(sample<TypeParam>());
  const auto read = decode<TypeParam>(once);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(encode(*read), once);
  // Each field of the samples differs from its default, so one that decode() forgot would be missed here.
  const json defaults = json::parse(encode(TypeParam{}));
  const json document = json::parse(once);
  for (const auto& [name, value] : document.items()) {
    if (name == "protocol" || name == "quorum_assigned") continue;
    EXPECT_TRUE(!defaults.contains(name) || defaults[name] != value) << name;
  }
  EXPECT_EQ(once.find('\n'), std::string::npos);
}

TYPED_TEST(RoundTrip, IgnoresUnknownFields) {
  json document = json::parse(encode(sample<TypeParam>()));
  document["from_the_future"] = {1, 2, {{"x", nullptr}}};
  const auto read = decode<TypeParam>(document.dump());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(encode(*read), encode(sample<TypeParam>()));
}

TYPED_TEST(RoundTrip, NamesTheFieldOfTheWrongType) {
  const json document = json::parse(encode(sample<TypeParam>()));
  for (const auto& [name, value] : document.items()) {
    json broken = document;
    broken[name] = value.is_object() || value.is_array() ? json(true) : json::object();
    const auto read = decode<TypeParam>(broken.dump());
    ASSERT_FALSE(read) << name;
    EXPECT_EQ(read.error().code, Errc::bad_usage);
    EXPECT_THAT(read.error().message, HasSubstr("\"" + name + "\""));
  }
}

TYPED_TEST(RoundTrip, TruncatedTextIsAnError) {
  const std::string text = encode(sample<TypeParam>());
  for (std::size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(decode<TypeParam>(text.substr(0, size)));
}

TEST(Protocol, WireFormat) {
  const json report = json::parse(encode(sample<Report>()));
  EXPECT_EQ(report["facts"]["lsn"], "0/3000148");
  EXPECT_EQ(report["facts"]["system_id"], "18446744073709551615");
  EXPECT_EQ(report["facts"]["state"], "catchingup");
  EXPECT_EQ(report["facts"]["upstream"], 1);
  EXPECT_EQ(report["facts"]["upstream_port"], "refused") << "an older monitor knows no stranger";
  EXPECT_EQ(report["facts"]["upstream_stranger"], true);
  EXPECT_EQ(report["certificates"]["keeper"][0], some_certificate().text());
  EXPECT_EQ(json::parse(encode(sample<Assignment>()))["lease"], 4000);
  EXPECT_EQ(json::parse(encode(sample<SettingsDocument>()))["values"],
            (json{{"heartbeat", "1000"}, {"lease", "4000"}}));
}

TEST(Protocol, ConvertsInsideOtherDocuments) {
  json state;
  state["goal"] = sample_goal();
  state["peers"] = std::vector<Peer>{sample<Peer>()};
  EXPECT_EQ(state["goal"].get<Goal>(), sample_goal());
  EXPECT_EQ(state["peers"].get<std::vector<Peer>>(), std::vector{sample<Peer>()});
  EXPECT_THROW(json::parse(R"({"state":"nonsense"})").get<Goal>(), std::exception);
}

TEST(Protocol, MissingOptionalFieldsKeepTheirDefaults) {
  const auto request = decode<RegisterRequest>(R"({"host":"db1","port":5432,"group":null,"name":null})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->formation, "default");
  EXPECT_EQ(request->group, std::nullopt);
  EXPECT_EQ(request->candidate_priority, 50);
  EXPECT_TRUE(request->replication_quorum);
  const auto report = decode<Report>(R"({"facts":{"state":"init"}})");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->facts.progress_percent, -1);
  EXPECT_TRUE(decode<Assignment>("{}"));
}

TEST(Protocol, AnOlderKeepersPortIsWhatItSays) {
  EXPECT_EQ(decode<NodeFacts>(R"({"state":"init","upstream_port":"refused"})")->upstream_port, PortState::refused);
  const auto contradiction = decode<NodeFacts>(R"({"state":"init","upstream_port":"open","upstream_stranger":true})");
  EXPECT_EQ(contradiction->upstream_port, PortState::open);
}

TEST(Protocol, CertificatesAreFingerprintsAndFew) {
  const auto message = [](const std::string& list) {
    return decode<Report>(R"({"facts":{"state":"init"},"certificates":{"postgres":[)" + list + "]}}").error().message;
  };
  const std::string good(64, 'a');
  for (const auto& bad : std::vector<std::string>{"", "ab", "A" + good.substr(1), good + "a", "g" + good.substr(1)})
    EXPECT_THAT(message('"' + bad + '"'), HasSubstr("\"certificates.postgres[0]\" is not the SHA-256")) << bad;
  std::string many = '"' + good + '"';
  for (std::size_t i = 0; i < certificates_max; ++i) many += ",\"" + good + '"';
  EXPECT_THAT(message(many), HasSubstr("has more than 4 elements"));
}

}  // namespace
}  // namespace autoctl::protocol
