// A configuration as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "common/config/config.h"

namespace autoctl::cli {

/// Sections as objects. Values are text, as `config set` takes them. What pg_autoctl calls otherwise is there a second
/// time, by its name and in its way.
nlohmann::json config_json(const config::Config& config);

}  // namespace autoctl::cli
