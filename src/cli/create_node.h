// `create postgres`, `create coordinator` and `create worker`: the same but for the role.
#pragma once

#include <string>

#include "cli/create_options.h"
#include "common/util/exit_code.h"

namespace autoctl::cli {

Result<ExitCode> create_node(const std::string& role, const CreateOptions& options);

}  // namespace autoctl::cli
