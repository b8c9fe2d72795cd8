// dsn: where one member of a group can be connected to.
#include <fmt/format.h>

#include "cli/commands/commands.h"
#include "cli/member_options.h"
#include "cli/output/print.h"

namespace autoctl::cli {

namespace {

Result<ExitCode> dsn(const MemberOptions& options) {
  const auto member = find_member(options);
  if (!member) return fail(member.error());
  print(fmt::format("host={} port={} sslmode={}\n", member->host, member->port, member->ssl_mode));
  return ExitCode::ok;
}

}  // namespace

void add_dsn(Verb root, Invocation& invocation) {
  add_command<MemberOptions>(root, invocation, "dsn", "where to connect to: the primary, a standby, or a node by name",
                             "psql \"$(autoctl dsn --pgdata /srv/pg --role standby) dbname=app\"", declare_member, dsn);
}

}  // namespace autoctl::cli
