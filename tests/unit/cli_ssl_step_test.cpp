#include <gtest/gtest.h>

#include "cli/ssl_step.h"

namespace autoctl::cli {
namespace {

config::Ssl ssl(bool enabled, const std::string& mode) {
  config::Ssl made;
  made.enabled = enabled;
  made.mode = mode;
  return made;
}

const config::Ssl off = ssl(false, "prefer"), between = ssl(true, "allow"), on = ssl(true, "require");

void expect_step(const config::Ssl& now, const config::Ssl& wanted, const std::vector<SslNeighbour>& others,
                 const config::Ssl& then, const std::vector<std::string>& waits_for) {
  const SslStep step = next_ssl_step(now, wanted, others);
  EXPECT_EQ(step.ssl.enabled, then.enabled);
  EXPECT_EQ(step.ssl.mode, then.mode);
  EXPECT_EQ(step.waits_for, waits_for);
}

TEST(SslStep, AloneItIsDoneAtOnce) {
  expect_step(on, off, {}, off, {});
  expect_step(off, on, {}, on, {});
}

TEST(SslStep, ItServesForAsLongAsSomebodyAsks) {
  expect_step(on, off, {{"b", "require", true}, {"c", "allow", true}}, between, {"b"});
  expect_step(on, off, {{"b", "verify-full", true}, {"c", "prefer", true}}, between, {"b", "c"});
  expect_step(on, off, {{"b", "allow", true}, {"c", "prefer", false}, {"d", "disable", false}}, off, {});
}

TEST(SslStep, OneThatDoesNotAnswerMayAsk) {
  expect_step(on, off, {{"b", "prefer", std::nullopt}}, between, {"b"});
  expect_step(on, off, {{"b", "allow", std::nullopt}}, off, {});
}

TEST(SslStep, ItAsksWhenAllServe) {
  expect_step(off, on, {{"b", "prefer", false}, {"c", "allow", true}, {"d", "allow", std::nullopt}}, between,
              {"b", "d"});
  expect_step(between, on, {{"b", "allow", true}, {"c", "require", true}}, on, {});
}

/// Else a node that lies could take encryption away by saying no.
TEST(SslStep, OneThatAsksDoesNotStopToAsk) {
  expect_step(on, ssl(true, "verify-full"), {{"b", "prefer", false}}, ssl(true, "verify-full"), {});
}

TEST(SslStep, WhatDoesNotAskWaitsForNobody) {
  expect_step(off, between, {{"b", "prefer", false}}, between, {});
}

/// Clients of one that serves none are not its business.
TEST(SslStep, OneThatServesNoneStaysSo) {
  expect_step(off, ssl(false, "disable"), {{"b", "require", true}}, ssl(false, "disable"), {});
}

}  // namespace
}  // namespace autoctl::cli
