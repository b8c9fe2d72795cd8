// Formations are made and dropped by operators; `default` is always there.
#include "common/config/checks.h"
#include "monitor/engine/documents.h"
#include "monitor/engine/engine.h"

namespace autoctl::monitor {

namespace {

constexpr std::size_t dbname_max = 63;

Result<FormationRow> new_formation(const protocol::FormationDocument& document, const Environment& env) {
  const auto complain = [](const std::string& why) { return fail(Errc::bad_usage, why); };
  if (document.name.empty()) return complain("name: it is empty");
  if (auto why = config::check_name(document.name); !why.empty()) return complain("name: " + why);
  if (document.kind != "pgsql" && document.kind != "citus")
    return complain("kind: '" + document.kind + "' is neither pgsql nor citus");
  if (document.dbname.empty() || document.dbname.size() > dbname_max)
    return complain("dbname: it must have 1 to 63 characters");
  if (document.number_sync_standbys != 0)
    return complain("number_sync_standbys: a formation without nodes has no standbys to wait for; set it when it has");
  return FormationRow{.name = document.name,
                      .kind = document.kind,
                      .dbname = document.dbname,
                      .settings = {.secondaries = document.secondaries},
                      .replication_password = env.random_token()};
}

/// Its operations end with it. (Nobody can be left to carry one out.)
Change removal(const Model& model, const std::string& formation) {
  Change change;
  change.removed_formations.push_back(formation);
  for (const auto& [id, operation] : model.operations) {
    if (operation.formation != formation || operation.status != "running") continue;
    change.operations.push_back(operation);
    change.operations.back().status = "failed";
    change.operations.back().message = "the formation was dropped";
  }
  return change;
}

}  // namespace

void Engine::create_formation(const protocol::FormationDocument& document, const Caller& caller,
                              const Reply<protocol::FormationDocument>& reply) {
  if (auto allowed = admit_change(caller); !allowed) return reply(fail(std::move(allowed.error())));
  const auto row = new_formation(document, env_);
  if (!row) return reply(fail(row.error()));
  if (const auto found = model_.formations.find(row->name); found != model_.formations.end())
    return reply(
        fail(Errc::conflict, "there is a formation '" + row->name + "' of kind " + found->second.kind + " already"));
  Change change;
  change.formations.push_back(*row);
  change.events.push_back({.time = event_time(env_.wall()),
                           .formation = row->name,
                           .kind = "operator",
                           .description = "formation " + row->name + " of kind " + row->kind + " is made"});
  if (!commit(std::move(change)))
    return reply(fail(Errc::unavailable, "the monitor's Postgres went away: the formation may or may not be there",
                      "try again in a moment"));
  model_.formations[row->name] = *row;
  env_.inform("Formation " + row->name + " of kind " + row->kind + " is made");
  reply(formation_document(*row));
  flush();
}

void Engine::drop_formation(const std::string& name, const Caller& caller, const Reply<>& reply) {
  if (auto allowed = admit_change(caller); !allowed) return reply(fail(std::move(allowed.error())));
  if (!model_.formations.contains(name)) return reply(fail(no_such_formation(name)));
  if (name == default_formation)
    return reply(fail(Errc::conflict, "formation 'default' is always there", "drop its nodes instead"));
  if (has_nodes(model_, name))
    return reply(fail(Errc::conflict, "formation '" + name + "' still has nodes",
                      "drop them first: `autoctl show state --formation " + name + "` lists them"));
  Change change = removal(model_, name);
  const auto ended = change.operations;
  change.events.push_back({.time = event_time(env_.wall()),
                           .formation = name,
                           .kind = "operator",
                           .description = "formation " + name + " is dropped by an operator"});
  if (!commit(std::move(change)))
    return reply(fail(Errc::unavailable, "the monitor's Postgres went away: the formation may or may not be dropped",
                      "try again in a moment"));
  std::erase_if(model_.groups, [&](const auto& entry) { return entry.first.first == name; });
  model_.formations.erase(name);
  for (const OperationRow& operation : ended) {
    model_.operations[operation.id] = operation;
    finish_operation(operation);
  }
  env_.inform("Formation " + name + " is dropped");
  reply({});
  flush();
}

}  // namespace autoctl::monitor
