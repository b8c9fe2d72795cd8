// What an attempt to reach a port proves: what is asked, and how each answer is judged. Pure: no I/O. The monitor's
// prober, the keepers' look at their upstream and the CLI all judge by this table.
//
// That something answers proves nothing where the node has a certificate: then only who has its key is the node.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "common/fsm/goal.h"
#include "common/util/fingerprint.h"

namespace autoctl::postgres {

/// SSLRequest: length 8, code 80877103. A postmaster answers it with one byte before any authentication.
inline constexpr std::array<unsigned char, 8> ssl_request = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};

/// What one attempt at one address has shown.
enum class Sign : unsigned char {
  answered,    // a server of this kind is there, with one of the node's certificates where these are known
  stranger,    // a server is there, and it is not the node's
  refused,     // the host is there, and no process listens on the port
  silent,      // no answer in time
  broken_off,  // a process took the connection and then broke it off: it may be starting or ending
  no_route,    // this machine has no way to that address; says nothing about the other one
  no_address,  // this machine has no address of that family, or no port, left to connect from; the same
  local,       // this process has no descriptor, no memory; the same, and the attempt is to be made again
};

/// The first byte that comes back from Postgres: S and N say whether there is TLS; E begins an error, of a server that
/// is too busy to make a process. No other server's greeting begins so. S is `answered`, and a handshake is to follow
/// where the node `has_certificate`.
Sign judge_answer(char byte, bool has_certificate);
/// Of a handshake that proved that the other side has the key of `shown`.
Sign judge_certificate(const Fingerprint& shown, std::span<const Fingerprint> known);
/// The connection ended before that byte.
inline constexpr Sign ended_without_answer = Sign::broken_off;
/// socket(), connect(), send() or recv() failed with this errno; ETIMEDOUT when time was over.
Sign judge_error(int error);

/// Of a host, by all its addresses: `open` if one of them answered; `refused`, or `stranger`, only if none is silent.
/// nullopt: one of them broke off, or this side failed, which proves nothing: try again.
std::optional<PortState> judge_host(std::span<const Sign> signs);

}  // namespace autoctl::postgres
