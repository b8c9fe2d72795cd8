// A formation's settings for people and for scripts. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "common/protocol/protocol.h"

namespace autoctl::cli {

std::string settings_table(const protocol::SettingsDocument& settings, const protocol::StateDocument& state);
/// The keys of `pg_autoctl show settings --json`: formation, primary, nodes.
nlohmann::json settings_json(const protocol::SettingsDocument& settings, const protocol::StateDocument& state);

}  // namespace autoctl::cli
