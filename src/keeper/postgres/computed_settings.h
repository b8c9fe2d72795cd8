// autoctl's settings of a node's server. There are three kinds: what replication and failover need is always written;
// minimum values only where the user's are lower; preferences only where the user set nothing.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

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

/// Everything but goal_settings(). `control` may be missing (no cluster yet). `room`: of max_wal_senders and
/// max_replication_slots, more than usual, as others take so many.
ServerSettings computed_settings(const config::Config& config, int major, const UserSettings& user,
                                 const std::optional<ControlData>& control, const ServerSettings& room = {});
/// The part of the settings that is written which computed_settings() takes as `room`: once found out, it stays.
ServerSettings room_in(const ServerSettings& written);

/// Those that a server takes at a start only and without which replication does not work: asked of one that runs, to be
/// compared with `ours`. Each as "wal_level (minimal, needs replica)".
const std::vector<std::string>& settings_of_a_start();
std::vector<std::string> restart_needs(const ServerSettings& in_force, const ServerSettings& ours);

/// Names in ALTER SYSTEM's file that would break what `ours` needs.
std::set<std::string> harmful_overrides(const ServerSettings& alter_system, const ServerSettings& ours);

}  // namespace autoctl::keeper
