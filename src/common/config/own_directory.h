// Who may write what autoctl obeys.
#pragma once

#include "common/config/files.h"

namespace autoctl::config {

/// The configuration names programs that autoctl runs: whoever could write <pgdata>.autoctl, or a file in it, could make
/// this user run theirs. Only this user and root may. One that is not there is fine. Errors: denied.
Result<> check_own_directory(const Files& files);

}  // namespace autoctl::config
