#include "common/util/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

namespace autoctl {
namespace {

TEST(Resolve, NumericAddressesNeedNoNameServer) {
  const auto v4 = resolve("192.0.2.7", {.port = 5432, .numeric_only = true});
  ASSERT_TRUE(v4);
  ASSERT_EQ(v4->size(), 1U) << "once, not once for each kind of socket";
  EXPECT_EQ(v4->front().text(), "192.0.2.7");
  EXPECT_FALSE(v4->front().is_loopback());
  EXPECT_EQ(ntohs(reinterpret_cast<const sockaddr_in*>(v4->front().data())->sin_port), 5432);
  const auto v6 = resolve("fd00::2", {.numeric_only = true});
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->front().text(), "fd00::2");
  EXPECT_FALSE(resolve("localhost", {.numeric_only = true}));
}

TEST(Resolve, KnowsEveryLoopbackAddress) {
  for (const char* host : {"127.0.0.1", "127.0.1.1", "::1"})
    EXPECT_TRUE(resolve(host, {.numeric_only = true}).value().front().is_loopback()) << host;
}

TEST(Resolve, AnEmptyHostIsEveryAddressToListenOnAndNoneToConnectTo) {
  EXPECT_THAT(resolve("", {.to_listen = true}).value(), testing::Not(testing::IsEmpty()));
  EXPECT_EQ(resolve("").error().code, Errc::unavailable);
}

TEST(Resolve, ThePortCanBeSetLater) {
  auto address = resolve("fd00::2", {.numeric_only = true}).value().front();
  address.set_port(6000);
  EXPECT_EQ(ntohs(reinterpret_cast<const sockaddr_in6*>(address.data())->sin6_port), 6000);
}

}  // namespace
}  // namespace autoctl
