// What a keeper tells so that nobody passes for its node, or for its upstream.
#include "common/tls/scram.h"
#include "keeper_core_fixture.h"

namespace autoctl::keeper::test {
namespace {

TEST_F(KeeperCore, WhatWasFoundBeforeAQuestionIsNoAnswer) {
  begin_as_standby();
  auto question = assignment(core->saved_state().goal);
  question.check_upstream = true;
  const auto ask = [&] { core->answered(question, now += 1s, now); };
  ask();
  seen.upstream_port = PortState::stranger;
  core->observed(seen, now);
  rest();
  EXPECT_EQ(core->next_report(false).facts.upstream_port, PortState::stranger);
  ask();
  EXPECT_EQ(core->next_report(false).facts.upstream_port, PortState::unknown);
  seen.upstream_port = PortState::open;
  core->observed(seen, now);
  rest();
  EXPECT_EQ(core->next_report(false).facts.upstream_port, PortState::open);
}

TEST_F(KeeperCore, AnotherPasswordIsReportedAtOnce) {
  begin_as_standby();
  const ScramVerifier one = tls::scram_verifier("one");
  core->set_verifier(one);
  EXPECT_TRUE(core->is_urgent());
  EXPECT_EQ(core->next_report(false).verifier, one);
  core->set_verifier(one);
  EXPECT_FALSE(core->is_urgent());
}

TEST_F(KeeperCore, AnotherCertificateIsReportedAtOnce) {
  begin_as_standby();
  const protocol::ShownCertificates one{{Fingerprint{}}, {}};
  EXPECT_EQ(core->next_report(false).certificates, std::nullopt) << "not known yet";
  core->set_certificates(one);
  EXPECT_TRUE(core->is_urgent());
  EXPECT_EQ(core->next_report(false).certificates, one);
  core->set_certificates(one);
  EXPECT_FALSE(core->is_urgent());
  core->set_certificates({});
  EXPECT_TRUE(core->is_urgent()) << "it shows none any more";
}

}  // namespace
}  // namespace autoctl::keeper::test
