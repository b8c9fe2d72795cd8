// Settings that replication cannot work with, of a server that runs: it changes them at a start only. Postgres is
// restarted for them when a node takes it over, and later when an operator says so.
#pragma once

#include "keeper/core/step_context.h"

namespace autoctl::keeper {

/// What an operator is told: what needs the restart, and what to type.
std::string restart_wish(const std::vector<std::string>& needs);
/// "wal_level (minimal, needs replica) and port (5433, needs 5432)"
std::string list_of(const std::vector<std::string>& needs);

/// A step: a primary that is taken over stops, and what starts it gives it what it needs.
Next restart_if_needed(const StepContext& context, const StepMemory& memory);

}  // namespace autoctl::keeper
