// How a command ended: a log line and an exit code, and JSON where that was asked for.
#pragma once

#include "cli/invocation.h"

namespace autoctl::cli {

/// Runs it and returns the exit code. With `json_outcome`, stdout gets one object: {"command", "exit_code"} and, after an
/// error, {"error": {"code", "message", "hint"}}, as the HTTP API has it; what the command prints for people goes to
/// stderr.
int run_to_end(const Invocation& invocation);

}  // namespace autoctl::cli
