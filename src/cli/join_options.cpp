#include "cli/join_options.h"

#include <cstdlib>

#include "cli/options.h"
#include "common/config/files.h"

namespace autoctl::cli {

void add_join_options(Verb command, JoinOptions& options) {
  from_environment(
      command.add_option("--join-token", options.token,
                         "credential to join with, from `autoctl token create`. Other users of this machine "
                         "can see it here for a moment: a file or the environment is better"),
      "JOIN_TOKEN")
      .type_name("TOKEN");
  from_environment(command.add_option("--join-token-file", options.token_file, "file that has the join token"),
                   "JOIN_TOKEN_FILE")
      .type_name("FILE");
}

Result<client::JoinToken> read_join_token(const JoinOptions& options) {
  for (const char* name : {"AUTOCTL_JOIN_TOKEN", "PG_AUTOCTL_JOIN_TOKEN"}) ::unsetenv(name);
  if (options.token && options.token_file)
    return fail(Errc::bad_usage, "--join-token and --join-token-file are both given", "leave one of them out");
  if (options.token) return client::parse_join_token(*options.token);
  if (!options.token_file) return client::JoinToken{};
  const auto text = config::read_file(*options.token_file);
  if (!text) return fail(Error(text.error()).with_context("--join-token-file"));
  auto token = client::parse_join_token(*text);
  if (!token) return fail(std::move(token.error()).with_context(*options.token_file));
  return token;
}

}  // namespace autoctl::cli
