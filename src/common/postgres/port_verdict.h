// What an attempt to reach a port proves: what is asked, and how each answer is judged. Pure: no I/O. The monitor's
// prober, the keepers' look at their upstream and the CLI all judge by this table.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "common/fsm/goal.h"

namespace autoctl::postgres {

/// SSLRequest: length 8, code 80877103. A postmaster answers it with one byte before any authentication.
inline constexpr std::array<unsigned char, 8> ssl_request = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};

/// What one attempt at one address has shown.
enum class Sign : unsigned char {
  answered,    // a postmaster is there
  refused,     // the host is there, and no process listens on the port
  silent,      // no answer in time, or not a postmaster's
  broken_off,  // a process took the connection and then broke it off: it may be starting or ending
  no_route,    // this machine has no way to that address; says nothing about the other one
};

/// The first byte that comes back: S and N say whether there is TLS; E begins an error, of a server that is too busy.
Sign judge_answer(char byte);
/// The connection ended before that byte.
inline constexpr Sign ended_without_answer = Sign::broken_off;
/// connect(), send() or recv() failed with this errno; ETIMEDOUT when time was over.
Sign judge_error(int error);

/// Of a host, by all its addresses: `open` if a postmaster answered at one of them, `refused` only if none is silent.
/// nullopt: one of them broke off, which proves nothing: try again.
std::optional<PortState> judge_host(std::span<const Sign> signs);

}  // namespace autoctl::postgres
