// A finished copy takes PGDATA's place. The plan is on disk before the first rename, so that a kill or a crash in
// between is finished at the next start.
#pragma once

#include <string>

#include "common/config/files.h"
#include "common/util/result.h"

namespace autoctl::keeper {

/// Where a copy is made: beside PGDATA; inside it when PGDATA is a mount point and can only change its contents.
std::string copy_directory(const config::Files& files);

/// Replaces the contents of PGDATA by the copy's. Errors: system; then either the old or the new data is complete, and
/// finish_interrupted_swap() continues.
Result<> swap_in_copy(const config::Files& files);

/// Continues a swap that was cut short; does nothing otherwise. Errors: system.
Result<> finish_interrupted_swap(const config::Files& files);

/// Removes an unfinished copy.
void discard_copy(const config::Files& files);

}  // namespace autoctl::keeper
