// Keys of pg_autoctl.cfg, for `config get` and `config set`: most have a counterpart in autoctl.toml.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/util/result.h"

namespace autoctl::config {

/// The key of autoctl.toml that is meant; what is no key of pg_autoctl's stays as it is. Errors: not_found, for a key
/// that has no counterpart, with what to type instead.
Result<std::string> without_alias(const std::string& key);

/// pg_autoctl's keys that have a counterpart, with it.
std::vector<std::pair<std::string, std::string>> aliases();

}  // namespace autoctl::config
