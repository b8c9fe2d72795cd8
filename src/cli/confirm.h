// A question before something that cannot be taken back.
#pragma once

#include <string>

#include "common/util/result.h"

namespace autoctl::cli {

/// Asks on stderr and reads one line from stdin; `force` answers for the user. Errors: bad_usage (no "y" or "yes":
/// nothing is to be done).
Result<> confirm(const std::string& question, bool force);

}  // namespace autoctl::cli
