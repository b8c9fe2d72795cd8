#include "common/postgres/port_verdict.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

namespace autoctl::postgres {
namespace {

TEST(PortVerdict, OnlyAPostmastersAnswerIsOne) {
  struct {
    char byte;
    Sign sign;
  } const table[] = {
      {'S', Sign::answered},  // TLS
      {'N', Sign::answered},  // no TLS
      {'E', Sign::answered},  // an error: too busy to fork
      {'H', Sign::silent},    // "HTTP/1.1 400 Bad Request"
      {'2', Sign::silent},    // "220 mail.example"
      {'\0', Sign::silent},   // our own request comes back: a connection to ourselves
      {'\x15', Sign::silent}  // a TLS alert
  };
  for (const auto& row : table) EXPECT_EQ(judge_answer(row.byte), row.sign) << "byte " << int{row.byte};
}

TEST(PortVerdict, ErrorsTellTheOtherSideFromOurs) {
  struct {
    int error;
    Sign sign;
  } const table[] = {
      {ECONNREFUSED, Sign::refused},    {ECONNRESET, Sign::broken_off}, {EPIPE, Sign::broken_off},
      {ECONNABORTED, Sign::broken_off}, {ENETUNREACH, Sign::no_route},  {EAFNOSUPPORT, Sign::no_route},
      {EADDRNOTAVAIL, Sign::no_route},  {ETIMEDOUT, Sign::silent},      {EHOSTUNREACH, Sign::silent},
      {EMFILE, Sign::silent},
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
  };
  for (std::size_t i = 0; i < std::size(table); ++i)
    EXPECT_EQ(judge_host(table[i].signs), table[i].verdict) << "row " << i;
}

}  // namespace
}  // namespace autoctl::postgres
