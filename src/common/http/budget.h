// How the connections of a server are shared out, and how many there can be at all.
#pragma once

#include <cstddef>

#include "common/http/guests.h"
#include "common/http/server.h"

namespace autoctl::http {

/// Rooms that no one from another can use up: a flood of strangers leaves the others theirs.
struct Budget {
  Guests::Room strangers;  // by address; an IPv6 /64 is one
  Guests::Room newcomers;  // by address, from which a credential has come before
  Guests::Room members;    // by credential
};

/// Strangers and newcomers have what the options say, but a quarter of all at most.
Budget budget_of(const ServerOptions& options);

/// As many connections as a process may have that may open `descriptors` files and needs `own` of them for other things;
/// no more than the options say, and 16 at least: then the process runs out of descriptors, which a server survives.
ServerOptions fitted(ServerOptions options, std::size_t descriptors, std::size_t own);

}  // namespace autoctl::http
