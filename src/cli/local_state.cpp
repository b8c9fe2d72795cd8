#include "cli/local_state.h"

#include <signal.h>

#include <cerrno>

#include "cli/monitor_connection.h"
#include "common/postgres/tools.h"
#include "keeper/agent/state_file.h"
#include "keeper/postgres/instance.h"

namespace autoctl::cli {

std::optional<postgres::LockFile> find_postmaster(const std::string& pgdata) {
  auto lock = postgres::read_lock_file(pgdata);
  if (lock && ::kill(lock->pid, 0) != 0 && errno == ESRCH) return std::nullopt;
  return lock;
}

Result<LocalState> read_local_state(const std::string& pgdata) {
  const auto config = load_config(pgdata);
  if (!config) return fail(config.error());
  if (config->is_monitor())
    return fail(Errc::bad_usage, config->pgdata + " is the monitor's: it has no state of its own",
                "`autoctl show state` asks it for that of its nodes");
  const auto saved = keeper::load_state(config::Files(pgdata));
  if (!saved) return fail(saved.error());
  LocalState local{*config, *saved, find_postmaster(config->pgdata), false, {}, {}};
  const auto tools = postgres::find_tools(config->pg_ctl);
  if (!tools) return fail(tools.error());
  const auto data = keeper::inspect(*tools, config->pgdata);
  if (!data) return fail(data.error());
  local.standby = data->standby_signal;
  local.timeline = data->timeline;
  local.lsn = data->lsn;
  return local;
}

protocol::NodeDocument node_document(const LocalState& local) {
  protocol::NodeDocument node;
  const config::Config& config = local.config;
  node.formation = config.formation;
  node.group = config.group.value_or(0);
  node.id = config.node;
  node.name = config.name;
  node.host = config.hostname;
  node.port = config.pgport;
  node.role = config.role;
  node.kind = config.is_citus() ? "citus" : "pgsql";
  node.reported = local.saved.state;
  node.assigned = local.saved.goal.state;
  node.timeline = local.timeline;
  node.lsn = local.lsn;
  const bool serves = local.postmaster && local.postmaster->status == "ready";
  node.health = serves ? "healthy" : "unreachable";
  node.connection = !serves ? "none" : local.standby ? "read-only" : "read-write";
  return node;
}

}  // namespace autoctl::cli
