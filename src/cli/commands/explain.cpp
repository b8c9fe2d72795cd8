#include "cli/output/explain.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"

namespace autoctl::cli {

namespace {

struct ExplainOptions {
  MonitorTarget target;
  Scope scope;
  bool json = false;
};

Result<ExitCode> explain_election(const ExplainOptions& options) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto explanations = api->explain(options.scope.formation, options.scope.group, call_timeout);
  if (!explanations) return fail(explanations.error());
  if (explanations->groups.empty())
    return fail(Errc::not_found, fmt::format("formation \"{}\" has no such group", options.scope.formation),
                "`autoctl show state` lists them");
  print(options.json ? pretty(explanation_json(*explanations)) : explanation_text(*explanations));
  return ExitCode::ok;
}

void declare(Verb command, ExplainOptions& options) {
  add_target(command, options.target);
  add_scope(command, options.scope);
  add_json(command, options.json);
}

}  // namespace

void add_explain(Verb root, Invocation& invocation) {
  add_command<ExplainOptions>(root, invocation, "explain",
                              "which node would become the primary if this one were lost now, and why not the others",
                              "autoctl explain --group 0 --pgdata /srv/pg", declare, explain_election);
}

}  // namespace autoctl::cli
