// A Postgres whose postmaster does nothing any more, and that no other node replaces: it is restarted in place.
#include <array>

#include "keeper/core/core.h"

namespace autoctl::keeper {

namespace {

/// The monitor hears of it at once, and has somebody else; only then it takes so long that it must be away.
constexpr Millis replacement_patience{10'000};

constexpr std::array stop = {Step::stop_fast};

}  // namespace

/// Where the goal is another role, reaching it ends this server anyway.
bool Core::hangs_unreplaced(TimePoint now) const {
  const Role role = wanted_role();
  if (!seen_.running || !vitals_.stands_still() || role_of(saved_.goal.state) != role) return false;
  if (role == Role::standby) return true;
  if (role != Role::primary) return false;
  return !lease_.is_required() || now - vitals_.failed_since() > replacement_patience;
}

/// Only stopped here: whether it may start again is asked as after a crash (the lease).
void Core::end_hung_server() {
  announce("Postgres hangs, and no other node replaces it: restarting it. " + vitals_.failure());
  start_run(Run::Purpose::stop, stop);
}

}  // namespace autoctl::keeper
