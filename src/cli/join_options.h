// --join-token, --join-token-file and PG_AUTOCTL_JOIN_TOKEN.
#pragma once

#include <optional>
#include <string>

#include "cli/command.h"
#include "common/monitor_client/join_token.h"

namespace autoctl::cli {

struct JoinOptions {
  std::optional<std::string> token, token_file;
};

void add_join_options(Verb command, JoinOptions& options);

/// Empty where none is given. Takes it out of the environment, which the processes that this one starts inherit. Errors:
/// bad_usage, not_found, system.
Result<client::JoinToken> read_join_token(const JoinOptions& options);

}  // namespace autoctl::cli
