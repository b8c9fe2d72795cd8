#include <spdlog/spdlog.h>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"

namespace autoctl::cli {

namespace {

struct CreateFormationOptions {
  MonitorTarget target;
  protocol::FormationDocument formation;
  bool enable_secondary = false;
};

Result<ExitCode> create_formation(const CreateFormationOptions& options) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto made = api->create_formation(options.formation, call_timeout);
  if (!made) return fail(made.error());
  spdlog::info("Formation \"{}\" of kind {} has been created; its nodes join it with --formation {}", made->name,
               made->kind, made->name);
  return ExitCode::ok;
}

void declare(Verb command, CreateFormationOptions& options) {
  add_changing_target(command, options.target);
  add_formation(command, options.formation.name).required().description("name of the formation");
  command.add_option("--kind", options.formation.kind, "kind of its nodes; default: pgsql")
      .one_of({"pgsql", "citus"})
      .type_name("pgsql|citus");
  command.add_option("--dbname", options.formation.dbname, "the application's database; default: postgres")
      .type_name("NAME");
  auto disable =
      command.add_flag("--disable-secondary{false},--without-secondary{false}", options.formation.secondaries,
                       "one node for each group, until `autoctl enable secondary`");
  command
      .add_flag("--enable-secondary,--with-secondary", options.enable_secondary,
                "groups may have standbys; this is the default")
      .excludes(disable);
  command
      .add_option("--number-sync-standbys", options.formation.number_sync_standbys,
                  "0; it becomes 1 when the second standby registers, and more with `autoctl set formation` once there "
                  "are enough of them")
      .range(0, 100)
      .type_name("N");
}

}  // namespace

void add_create_formation(Verb create, Invocation& invocation) {
  add_command<CreateFormationOptions>(
      create, invocation, "formation", "create a formation beside \"default\", for nodes of another service",
      "autoctl create formation --formation shop --dbname shop --pgdata /srv/monitor", declare, create_formation);
}

}  // namespace autoctl::cli
