#include "cli/output/config.h"

#include <map>
#include <nlohmann/json.hpp>

#include "common/config/aliases.h"

namespace autoctl::cli {

namespace {

void put(nlohmann::json& document, const std::string& key, nlohmann::json value) {
  const auto dot = key.find('.');
  document[key.substr(0, dot)][key.substr(dot + 1)] = std::move(value);
}

/// pg_autoctl prints numbers as such, and 1 and 0 for what is on and off.
nlohmann::json as_theirs(const std::string& value) {
  if (value == "true" || value == "false") return value == "true" ? 1 : 0;
  const auto parsed = nlohmann::json::parse(value, nullptr, false);
  return parsed.is_number_integer() ? parsed : nlohmann::json(value);
}

}  // namespace

nlohmann::json config_json(const config::Config& config) {
  nlohmann::json document;
  std::map<std::string, std::string> values;
  for (const auto& [key, value] : config::all(config)) {
    put(document, key, value);
    values.emplace(key, value);
  }
  for (const auto& [theirs, ours] : config::aliases())
    if (const auto found = values.find(ours); found != values.end()) put(document, theirs, as_theirs(found->second));
  return document;
}

}  // namespace autoctl::cli
