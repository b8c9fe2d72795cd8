#include "common/postgres/port_verdict.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

namespace autoctl::postgres {
namespace {

TEST(PortVerdict, OnlyAPostmastersAnswerIsOne) {
  struct {
    char byte;
    Sign sign, of_a_node_with_a_certificate;
  } const table[] = {
      {'S', Sign::answered, Sign::answered},     // TLS: its certificate is to be looked at
      {'N', Sign::answered, Sign::stranger},     // no TLS
      {'E', Sign::answered, Sign::broken_off},   // an error, too busy to fork: anybody can say that
      {'H', Sign::stranger, Sign::stranger},     // "HTTP/1.1 400 Bad Request"
      {'2', Sign::stranger, Sign::stranger},     // "220 mail.example"
      {'\0', Sign::stranger, Sign::stranger},    // our own request comes back: a connection to ourselves
      {'\x15', Sign::stranger, Sign::stranger},  // a TLS alert
  };
  for (const auto& row : table) {
    EXPECT_EQ(judge_answer(row.byte, false), row.sign) << "byte " << int{row.byte};
    EXPECT_EQ(judge_answer(row.byte, true), row.of_a_node_with_a_certificate) << "byte " << int{row.byte};
  }
}

TEST(PortVerdict, OneOfItsCertificatesIsEnough) {
  const Fingerprint one = *Fingerprint::parse(std::string(64, '1')), two = *Fingerprint::parse(std::string(64, '2'));
  const std::vector known = {one, two};
  EXPECT_EQ(judge_certificate(one, known), Sign::answered);
  EXPECT_EQ(judge_certificate(two, known), Sign::answered);
  EXPECT_EQ(judge_certificate(*Fingerprint::parse(std::string(64, '3')), known), Sign::stranger);
}

TEST(PortVerdict, ErrorsTellTheOtherSideFromOurs) {
  struct {
    int error;
    Sign sign;
  } const table[] = {
      {ECONNREFUSED, Sign::refused},
      {ECONNRESET, Sign::broken_off},
      {EPIPE, Sign::broken_off},
      {ECONNABORTED, Sign::broken_off},
      {ENETUNREACH, Sign::no_route},
      {EAFNOSUPPORT, Sign::no_route},
      {ETIMEDOUT, Sign::silent},
      {EHOSTUNREACH, Sign::silent},
      {EADDRNOTAVAIL, Sign::no_address},
      {EMFILE, Sign::local},
      {ENFILE, Sign::local},
      {ENOMEM, Sign::local},
      {ENOBUFS, Sign::local},
  };
  for (const auto& row : table) EXPECT_EQ(judge_error(row.error), row.sign) << "errno " << row.error;
  EXPECT_EQ(ended_without_answer, Sign::broken_off);
}

TEST(PortVerdict, AHostIsJudgedByAllItsAddresses) {
  using enum Sign;
  struct {
    std::vector<Sign> signs;
    std::optional<PortState> verdict;
  } const table[] = {
      {{answered}, PortState::open},
      {{refused, answered}, PortState::open},
      {{broken_off, answered}, PortState::open},
      {{refused}, PortState::refused},
      {{refused, refused}, PortState::refused},
      {{no_route, refused}, PortState::refused},  // localhost is ::1 as well, where there is no IPv6
      {{silent}, PortState::silent},
      {{refused, silent}, PortState::silent},
      {{silent, refused}, PortState::silent},
      {{no_route}, PortState::silent},  // nothing was proved about the host
      {{}, PortState::silent},
      {{broken_off}, std::nullopt},
      {{refused, broken_off}, std::nullopt},
      {{broken_off, silent}, std::nullopt},
      {{stranger}, PortState::stranger},
      {{refused, stranger}, PortState::stranger},
      {{no_route, stranger}, PortState::stranger},
      {{stranger, answered}, PortState::open},  // the name leads to two machines
      {{stranger, silent}, PortState::silent},  // the node may be at the other address, and hang
      {{stranger, broken_off}, std::nullopt},
      {{local}, std::nullopt},
      {{local, answered}, PortState::open},
      {{local, refused}, std::nullopt},  // the other address was not tried
      {{silent, local}, std::nullopt},
      {{no_address}, std::nullopt},                 // no port is left to connect from
      {{no_address, refused}, PortState::refused},  // localhost is ::1 as well, where there is no IPv6
      {{no_address, no_route}, PortState::silent},
      {{no_address, silent}, PortState::silent},
  };
  for (std::size_t i = 0; i < std::size(table); ++i)
    EXPECT_EQ(judge_host(table[i].signs), table[i].verdict) << "row " << i;
}

}  // namespace
}  // namespace autoctl::postgres
