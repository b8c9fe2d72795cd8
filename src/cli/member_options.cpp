#include "cli/member_options.h"

#include "cli/monitor_connection.h"

namespace autoctl::cli {

void declare_member(Verb command, MemberOptions& options) {
  add_target(command, options.target);
  add_worded_scope(command, options.scope);
  auto member = command.add_option("-m,--member", options.choice.member, "the node of this name").type_name("NODE");
  command.add_option("-r,--role", options.choice.role, "a node of this role; default: leader, which is the primary")
      .one_of({"leader", "primary", "standby", "replica", "any"})
      .type_name("ROLE")
      .excludes(member);
}

Result<protocol::NodeDocument> find_member(const MemberOptions& options) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto state = api->state(options.scope.formation, options.scope.group, call_timeout);
  if (!state) return fail(state.error());
  if (options.choice.member.empty() && state->groups.size() > 1 && !options.scope.group)
    return fail(Errc::bad_usage, "formation \"" + options.scope.formation + "\" has several groups",
                "say which one with --group; 0 is the coordinator's");
  const auto member = choose_member(*state, options.choice);
  if (!member) return fail(member.error());
  return **member;
}

}  // namespace autoctl::cli
