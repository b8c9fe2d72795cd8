// What a keeper must remember across its own death: the last goal it obeyed, the last state it reached.
#pragma once

#include <cstdint>
#include <string>

#include "common/config/files.h"
#include "common/fsm/goal.h"

namespace autoctl::keeper {

struct SavedState {
  NodeState state = NodeState::init;  // reached
  Term term;                          // of the goal it was reached for
  Goal goal;                          // the newest one obeyed; no lower term is obeyed afterwards
  bool lease_required = false;        // as the monitor last said
  std::uint64_t epoch = 0;            // counts the keeper's starts
};

/// Errors: not_found (a new node), bad_config (damaged).
Result<SavedState> load_state(const config::Files& files);
/// Durable when it returns.
Result<> save_state(const config::Files& files, const SavedState& state);

}  // namespace autoctl::keeper
