// inspect fsm state: what the keeper of PGDATA remembers, from its own disk.
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/local_state.h"
#include "cli/options.h"
#include "cli/output/local_state.h"
#include "cli/output/print.h"
#include "common/postgres/tools.h"

namespace autoctl::cli {

namespace {

struct FsmStateOptions {
  std::string pgdata;
  bool json = false;
};

nlohmann::json postgres_json(const LocalState& local) {
  nlohmann::json postgres = {{"pgdata", local.config.pgdata},
                             {"pg_ctl", local.config.pg_ctl},
                             {"host", local.config.pghost},
                             {"port", local.config.pgport},
                             {"pid", nullptr}};
  if (local.postmaster) postgres["pid"] = local.postmaster->pid;
  return postgres;
}

Result<ExitCode> fsm_state(const FsmStateOptions& options) {
  const auto local = read_local_state(options.pgdata);
  if (!local) return fail(local.error());
  const auto tools = postgres::find_tools(local->config.pg_ctl);
  const nlohmann::json state = keeper_state_json(node_document(*local), local->saved, tools ? tools->major : 0);
  print(pretty({{"postgres", postgres_json(*local)}, {"state", state}}));
  return ExitCode::ok;
}

void declare(Verb command, FsmStateOptions& options) {
  add_pgdata(command, options.pgdata);
  add_json(command, options.json).description("as always: it prints JSON");
}

}  // namespace

void add_inspect_fsm_state(Verb fsm, Invocation& invocation) {
  add_command<FsmStateOptions>(
      fsm, invocation, "state",
      "the state that the node in PGDATA has reached and the one it is to reach, from its disk",
      "autoctl inspect fsm state --pgdata /srv/pg", declare, fsm_state);
}

}  // namespace autoctl::cli
