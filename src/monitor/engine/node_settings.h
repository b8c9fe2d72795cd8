// The settings of a node that an operator may change, and the settings of a formation that depend on its nodes. Checks
// without effects; refusals are in the words that users of pg_auto_failover know.
#pragma once

#include <string>

#include "monitor/engine/model.h"
#include "monitor/engine/settings_values.h"

namespace autoctl::monitor {

/// Every setting of a node by its name.
SettingValues node_settings(const NodeRow& row);

/// `row`, a node of `group`, with the named settings changed. Errors: not_found (lists the names), bad_usage (no such
/// value), conflict (the group or formation could not work with it).
Result<NodeRow> with_settings(const Model& model, const Group& group, NodeRow row, const SettingValues& changes);

/// Refuses a number_sync_standbys for which a group has too few standbys in its quorum.
Result<> check_sync_standbys(const Model& model, const std::string& formation, int number_sync_standbys);

/// Refuses to disable secondaries while a group has some.
Result<> check_no_secondaries(const Model& model, const std::string& formation);

enum class QuorumChange { standby_registers, node_is_dropped };

/// The formation's number_sync_standbys after a node with replication_quorum joins or leaves `group`, which is as
/// before that. It is 1 as soon as each group has a second standby, and never more than the groups can have. Otherwise
/// it stays what an operator has set.
int fitting_sync_standbys(const Model& model, const Group& group, QuorumChange what);

}  // namespace autoctl::monitor
