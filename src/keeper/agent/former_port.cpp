#include "keeper/agent/former_port.h"

#include <spdlog/spdlog.h>

#include "common/postgres/lock_file.h"
#include "keeper/agent/state_file.h"
#include "keeper/core/role.h"

namespace autoctl::keeper {

namespace {

constexpr Millis former_patience{30'000};

}  // namespace

Result<> leave_former_port(Instance& postgres, const config::Config& config, const config::Files& files) {
  const auto saved = load_state(files);
  if (!saved) return fail(saved.error());
  if (role_of(saved->goal.state) == Role::operators || !postgres.adopt()) return {};
  const auto lock = postgres::read_lock_file(files.pgdata);
  if (!lock || lock->port == 0 || lock->port == config.pgport) return {};
  spdlog::info("Postgres moves from port {} to {}: it restarts", lock->port, config.pgport);
  return postgres.stop(StopMode::fast, former_patience);
}

}  // namespace autoctl::keeper
