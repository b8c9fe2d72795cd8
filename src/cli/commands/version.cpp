#include "common/util/version.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/options.h"
#include "cli/output/print.h"
#include "common/protocol/protocol.h"
#include "common/util/program_name.h"

namespace autoctl::cli {

namespace {

struct VersionOptions {
  bool json = false;
};

/// With pg_autoctl's keys. The Postgres is libpq's: autoctl has no part inside the server.
nlohmann::json version_json(int libpq) {
  const std::string postgres = fmt::format("{}.{}", libpq / 10000, libpq % 10000);
  return {{"pg_autoctl", program_version},
          {"pgautofailover", program_version},
          {"pg_major", std::to_string(libpq / 10000)},
          {"pg_version", postgres},
          {"pg_version_str", "libpq " + postgres},
          {"pg_version_num", libpq},
          {"autoctl", program_version},
          {"protocol", protocol::version},
          {"libpq_version_num", libpq}};
}

Result<ExitCode> version(const VersionOptions& options) {
  const int libpq = ::PQlibVersion();
  if (options.json) {
    print(pretty(version_json(libpq)));
    return ExitCode::ok;
  }
  print(fmt::format("{} version {}\nprotocol {}\nlibpq {}.{}\ncompatible with Postgres 13, 14, 15, 16, 17, and 18\n",
                    program_name(), program_version, protocol::version, libpq / 10000, libpq % 10000));
  return ExitCode::ok;
}

}  // namespace

void add_version(Verb root, Invocation& invocation) {
  add_command<VersionOptions>(
      root, invocation, "version", "print the versions of autoctl and of its protocol", "autoctl version --json",
      [](Verb command, VersionOptions& options) { add_json(command, options.json); }, version);
}

}  // namespace autoctl::cli
