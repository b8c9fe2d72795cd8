// Which Citus the tests run against: the real one where this machine's Postgres offers it, else a stand-in of ours.
#pragma once

#include <string>

#include "common/util/result.h"

namespace autoctl::test {

struct CitusServer {
  bool real = false;
  std::string pg_ctl;       // of a Postgres that offers the extension citus
  std::string description;  // a sentence for the run's output
};

/// Errors: not_found.
Result<CitusServer> find_real_citus();
/// Made once per process and removed at its end. Errors: not_found, system.
Result<CitusServer> make_citus_stand_in();
/// The real one where it is. $AUTOCTL_CITUS=real or stand-in decides instead of what is there. pg_ctl is empty, and the
/// description says why, when it cannot be had.
const CitusServer& citus_server();

/// Loudly, on stdout, and as a line in the file $AUTOCTL_TEST_NOTES, whose lines ./scripts/test ends with.
void say_which_citus(const CitusServer& server);

/// What a test says that needs distributed tables, and so skips on the stand-in.
inline constexpr const char* needs_real_citus = "needs real Citus, and here is only the stand-in of its SQL functions";

}  // namespace autoctl::test
