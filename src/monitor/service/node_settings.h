// What an operator may set of a node, and what of a formation's settings depends on its nodes. Checks without effects;
// refusals in the words that pg_auto_failover's users know.
#pragma once

#include <string>

#include "monitor/service/model.h"
#include "monitor/settings_values.h"

namespace autoctl::monitor {

/// Every setting of a node by its name.
SettingValues node_settings(const NodeRow& row);

/// `row`, a node of `group`, with the named settings changed. Errors: not_found (lists the names), bad_usage (no such
/// value), conflict (the group or formation could not work with it).
Result<NodeRow> with_settings(const Model& model, const Group& group, NodeRow row, const SettingValues& changes);

/// Refuses a number_sync_standbys for which a group has too few standbys in its quorum.
Result<> check_sync_standbys(const Model& model, const std::string& formation, int number_sync_standbys);

}  // namespace autoctl::monitor
