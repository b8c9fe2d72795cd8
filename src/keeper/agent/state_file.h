// SavedState on disk.
#pragma once

#include "common/config/files.h"
#include "common/util/result.h"
#include "keeper/core/saved_state.h"

namespace autoctl::keeper {

/// Errors: not_found (a new node), bad_config (damaged).
Result<SavedState> load_state(const config::Files& files);
/// Durable when it returns.
Result<> save_state(const config::Files& files, const SavedState& state);

}  // namespace autoctl::keeper
