// Which Citus the tests run against: the real one where this machine's Postgres offers it, else a stand-in of ours.
#pragma once

#include <string>

namespace autoctl::test {

struct CitusServer {
  bool real = false;
  std::string pg_ctl;       // of a Postgres that offers the extension citus
  std::string description;  // a sentence for the run's output
};

/// Found, or made, once per process and removed at its end. $AUTOCTL_CITUS=real or stand-in decides instead of what is
/// there. Fails the test, with an empty pg_ctl, when neither can be had.
const CitusServer& citus_server();

/// What a test says that needs distributed tables, and so skips on the stand-in.
inline constexpr const char* needs_sharding =
    "needs real Citus, and this run has only the stand-in of its SQL functions";

}  // namespace autoctl::test
