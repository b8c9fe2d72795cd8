#include "common/util/ip_address.h"

#include <gtest/gtest.h>

#include "keeper/agent/own_addresses.h"

namespace autoctl::test {
namespace {

std::string parsed(const std::string& text) {
  const auto address = IpAddress::parse(text);
  return address ? address->as_mask() : "";
}

TEST(IpAddress, IsOneMachines) {
  EXPECT_EQ(parsed("10.0.0.2"), "10.0.0.2/32");
  EXPECT_EQ(parsed("FD00:0:0::2"), "fd00::2/128");
  EXPECT_EQ(parsed("fe80::1"), "fe80::1/128");
  EXPECT_EQ(parsed("64:ff9b::10.0.0.2"), "64:ff9b::a00:2/128");
}

/// Whatever may be in a line of pg_hba.conf, or may let in more than one machine.
TEST(IpAddress, CanBeNothingElse) {
  for (const char* text : {"",
                           "all",
                           "samenet",
                           "samehost",
                           "db1",
                           ".example",
                           "10.0.0.2/32",
                           "10.0.0.0/8",
                           "10.0.0",
                           "010.0.0.2",
                           "10.0.0.2 trust",
                           "10.0.0.2\nhost all all all trust",
                           " 10.0.0.2",
                           "10.0.0.2 ",
                           "\"10.0.0.2\"",
                           "10.0.0.2#",
                           "0.0.0.0",
                           "0.1.2.3",
                           "127.0.0.1",
                           "127.0.1.1",
                           "224.0.0.1",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "ff02::1",
                           "::ffff:10.0.0.2",
                           "::10.0.0.2",
                           "fe80::1%eth0",
                           "fd00::2/128",
                           "[fd00::2]",
                           "1",
                           "0x0a000002"})
    EXPECT_EQ(parsed(text), "") << text;
  EXPECT_EQ(parsed(std::string("10.0.0.2\0", 9)), "");
}

std::string seen(const std::string& refusal) {
  const auto address = keeper::address_seen(refusal);
  return address ? address->text() : "";
}

/// libpq names the server before that.
TEST(IpAddress, IsFoundInARefusalInAnyLanguage) {
  const std::string before = "connection to server at \"db1\" (10.0.0.1), port 5432 failed: FATAL:  ";
  EXPECT_EQ(seen(before + "no pg_hba.conf entry for host \"10.0.0.2\", user \"pgautofailover_replicator\", database "
                          "\"postgres\", SSL encryption\nconnection to server at \"db1\" (10.0.0.1), port 5432 failed: "
                          "FATAL:  28000: no pg_hba.conf entry for host \"10.0.0.2\", no encryption"),
            "10.0.0.2");
  EXPECT_EQ(seen(before + "aucune entrée dans pg_hba.conf pour l'hôte « fd00::2 », utilisateur « x »"), "fd00::2");
  EXPECT_EQ(seen(before + "用户 \"x\" 来自主机\"10.0.0.2\"的连接没有 pg_hba.conf 记录"), "10.0.0.2");
  EXPECT_EQ(seen(before + "no pg_hba.conf entry for host \"fe80::2%eth0\", user \"x\""), "fe80::2");
  EXPECT_EQ(seen(before + "no pg_hba.conf entry for host \"[local]\", user \"x\""), "");
  EXPECT_EQ(seen(before + "28P01: password authentication failed for user \"pgautofailover_replicator\""), "");
  EXPECT_EQ(seen(before + "no pg_hba.conf entry for host \"127.0.0.1\", user \"x\""), "");
}

}  // namespace
}  // namespace autoctl::test
