#include "monitor/engine/formations.h"

#include <algorithm>
#include <utility>

#include "common/config/checks.h"
#include "monitor/engine/documents.h"
#include "monitor/engine/node_settings.h"
#include "monitor/engine/settings_values.h"

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

/// Its operations end with it: no node is left to carry one out. So do its tokens: another formation may get its name.
Change removal(const Model& model, const std::string& formation) {
  Change change;
  change.removed_formations.push_back(formation);
  for (const auto& [id, operation] : model.operations) {
    if (operation.formation != formation || operation.status != OperationStatus::running) continue;
    change.operations.push_back(operation);
    change.operations.back().status = OperationStatus::failed;
    change.operations.back().message = "the formation was dropped";
  }
  for (const auto& [id, token] : model.tokens) {
    if (token.revoked || std::ranges::find(token.formations, formation) == token.formations.end()) continue;
    change.tokens.push_back(token);
    TokenRow& left = change.tokens.back();
    left.revoked = left.formations.size() == 1;  // none is for all formations because it has none left
    if (!left.revoked) std::erase(left.formations, formation);
  }
  return change;
}

/// What an operator has asked for is done, or has failed, before he pauses.
Result<> admit_pause(const Model& model, const std::string& formation) {
  for (const auto& [key, group] : model.groups_of(formation))
    if (group.operation)
      return fail(
          Errc::conflict,
          "a " + std::string(to_string(group.operation->kind)) + " is under way in group " + std::to_string(key.second),
          "wait for its end");
  return {};
}

/// May these settings take the place of those? Errors: conflict.
Result<> check_settings(const Model& model, const FormationRow& row, const Settings& before) {
  const Settings& settings = row.settings;
  if (settings.number_sync_standbys > before.number_sync_standbys)
    AUTOCTL_TRY(check_sync_standbys(model, row.name, settings.number_sync_standbys));
  if (!settings.secondaries && before.secondaries) AUTOCTL_TRY(check_no_secondaries(model, row.name));
  if (settings.paused && !before.paused) AUTOCTL_TRY(admit_pause(model, row.name));
  return {};
}

}  // namespace

Result<protocol::FormationDocument> Formations::create(const protocol::FormationDocument& document,
                                                       const Caller& caller) {
  const auto by = admission_.administer({}, caller);
  if (!by) return fail(by.error());
  const auto row = new_formation(document, env_);
  if (!row) return fail(row.error());
  if (const auto found = model_.formations.find(row->name); found != model_.formations.end())
    return fail(Errc::conflict, "there is a formation '" + row->name + "' of kind " + found->second.kind + " already");
  Change change;
  change.formations.push_back(*row);
  change.events.push_back(ledger_.act(*by, "formation " + row->name + " of kind " + row->kind + " is made"));
  change.events.back().formation = row->name;
  if (!ledger_.commit(std::move(change)))
    return in_doubt("the formation may or may not be there", "try again in a moment");
  env_.inform("Formation " + row->name + " of kind " + row->kind + " is made");
  return formation_document(*row);
}

Result<> Formations::drop(const std::string& name, const Caller& caller) {
  const auto by = admission_.administer({name}, caller);
  if (!by) return fail(by.error());
  if (!model_.formations.contains(name)) return fail(no_such_formation(name));
  if (name == default_formation)
    return fail(Errc::conflict, "formation 'default' is always there", "drop its nodes instead");
  if (has_nodes(model_, name))
    return fail(Errc::conflict, "formation '" + name + "' still has nodes",
                "drop them first: `autoctl show state --formation " + name + "` lists them");
  Change change = removal(model_, name);
  const char* const tokens = change.tokens.empty() ? "" : ", and the tokens for it are revoked";
  change.events.push_back(ledger_.act(*by, "formation " + name + " is dropped by an operator" + tokens));
  change.events.back().formation = name;
  if (!ledger_.commit(std::move(change)))
    return in_doubt("the formation may or may not be dropped", "try again in a moment");
  env_.inform("Formation " + name + " is dropped");
  return {};
}

Result<protocol::SettingsDocument> Formations::change(const protocol::SettingsDocument& document,
                                                      const Caller& caller) {
  const auto by = admission_.operate(document.formation, caller);
  if (!by) return fail(by.error());
  const auto found = model_.formations.find(document.formation);
  if (found == model_.formations.end()) return fail(no_such_formation(document.formation));
  FormationRow row = found->second;
  AUTOCTL_TRY(monitor::change(row.settings, document.values));
  AUTOCTL_TRY(check_settings(model_, row, found->second.settings));
  if (row.settings != found->second.settings) {
    Change change;
    change.formations.push_back(row);
    auto event = ledger_.act(*by, "");
    event.formation = row.name;
    for (const auto& [name, value] : document.values)
      event.description += (event.description.empty() ? "settings: " : ", ") + name + " = " + value;
    change.events.push_back(std::move(event));
    if (!ledger_.commit(std::move(change))) return in_doubt("the change may or may not have been made");
    settler_.settle_all();
  }
  return protocol::SettingsDocument{row.name, to_values(row.settings)};
}

}  // namespace autoctl::monitor
