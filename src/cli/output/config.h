// A configuration as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "common/config/config.h"

namespace autoctl::cli {

/// Sections as objects. Values are text, as `config set` takes them.
nlohmann::json config_json(const config::Config& config);

}  // namespace autoctl::cli
