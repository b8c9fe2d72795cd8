// autoctl's settings of a node's server. There are three kinds: what replication and failover need is always written;
// minimum values only where the user's are lower; preferences only where the user set nothing.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "common/config/config.h"
#include "common/postgres/conf_file.h"
#include "keeper/postgres/control_data.h"

namespace autoctl::keeper {

using postgres::ServerSettings;

inline constexpr const char* sync_names_setting = "synchronous_standby_names";
inline constexpr const char* libraries_setting = "shared_preload_libraries";
inline constexpr const char* conninfo_setting = "primary_conninfo";
inline constexpr const char* slot_setting = "primary_slot_name";

/// The settings that a new goal changes; the others follow from configuration and machine.
const std::set<std::string>& goal_settings();

/// What the user has set: the configuration files without autoctl's, then ALTER SYSTEM's.
struct UserSettings {
  ServerSettings files;
  ServerSettings alter_system;
  std::optional<std::string> value(const std::string& name) const;
};

/// Everything but goal_settings(). `control` may be missing (no cluster yet).
ServerSettings computed_settings(const config::Config& config, int major, const UserSettings& user,
                                 const std::optional<ControlData>& control);

/// Names in ALTER SYSTEM's file that would break what `ours` needs.
std::set<std::string> harmful_overrides(const ServerSettings& alter_system, const ServerSettings& ours);

}  // namespace autoctl::keeper
