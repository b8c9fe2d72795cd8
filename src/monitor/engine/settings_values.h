// A formation's settings as names and values: how they are stored, shown and changed.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/util/result.h"
#include "monitor/fsm/settings.h"

namespace autoctl::monitor {

using SettingValues = std::vector<std::pair<std::string, std::string>>;

/// Every setting, durations in milliseconds.
SettingValues to_values(const Settings& settings);

/// Changes those that are named. Errors: not_found (lists the names), bad_usage (a value is out of range, or the values
/// contradict each other): then `settings` is unchanged.
Result<> change(Settings& settings, const SettingValues& values);

/// What was stored: unknown names are left out, so that an older binary of the same schema can read it.
Settings from_stored(const SettingValues& values);

}  // namespace autoctl::monitor
