#include "cli/output/config.h"

#include <nlohmann/json.hpp>

namespace autoctl::cli {

nlohmann::json config_json(const config::Config& config) {
  nlohmann::json document;
  for (const auto& [key, value] : config::all(config)) {
    const auto dot = key.find('.');
    document[key.substr(0, dot)][key.substr(dot + 1)] = value;
  }
  return document;
}

}  // namespace autoctl::cli
