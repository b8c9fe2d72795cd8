// One step of a transition, done to the real Postgres. Each is idempotent and gives up when a newer goal comes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/fsm/goal.h"
#include "keeper/core/transitions.h"
#include "keeper/postgres/instance.h"

namespace autoctl::keeper {

/// What a step works with; all references outlive the call.
struct StepContext {
  Instance& postgres;
  const config::Files& files;
  NodeId self;
  const Goal& goal;
  const std::vector<protocol::Peer>& peers;
  const std::vector<protocol::Peer>& neighbours;  // of a Citus formation's other groups
  std::string formation_dbname;
  bool citus = false;  // of a Citus formation
  /// To be called every now and then by whatever waits: looks at Postgres, publishes what it sees and answers the
  /// monitor's questions, so that a waiting keeper is never a silent one.
  std::function<Observed()> breathe;
  Cancelled cancelled;
  Progress progress;
};

/// Errors: unavailable when cancelled; else what went wrong, in words for the operator.
Result<> run_step(Step step, const StepContext& context);

/// Postgres up as a standby of `upstream` (null: receiving from nobody), without rewinding or copying.
Result<> run_as_standby(const StepContext& context, const protocol::Peer* upstream);

const protocol::Peer* find_peer(const std::vector<protocol::Peer>& peers, NodeId id);

}  // namespace autoctl::keeper
