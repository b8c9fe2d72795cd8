#include "common/config/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/config/aliases.h"
#include "common/config/auth.h"
#include "common/config/keys.h"
#include "common/config/own_directory.h"
#include "common/util/suggest.h"

namespace autoctl::config {

namespace {

/// By value: the table's accessors want a mutable Config.
std::string value_of(const Key& key, Config config) {
  return read(key.slot(config));
}

std::vector<std::string> key_names() {
  std::vector<std::string> names;
  for (const Key& key : keys()) names.emplace_back(key.name);
  return names;
}

Result<const Key*> find_key(const std::string& asked) {
  const auto known = without_alias(asked);
  if (!known) return fail(known.error());
  const std::string& name = *known;
  for (const Key& key : keys())
    if (key.name == name) return &key;
  const std::vector<std::string> names = key_names();
  const auto near = nearest(name, names);
  return fail(
      Errc::not_found, fmt::format("there is no setting '{}'", name),
      near ? fmt::format("did you mean '{}'?", *near) : fmt::format("settings are: {}", fmt::join(names, ", ")));
}

}  // namespace

Result<Config> load(const Files& files) {
  AUTOCTL_TRY(check_own_directory(files));
  auto text = read_file(files.config());
  if (!text && text.error().code == Errc::not_found)
    return fail(Errc::not_found, fmt::format("{} is not set up: there is no {}", files.pgdata, files.config()),
                "run `autoctl create postgres` or `autoctl create monitor` first, or check --pgdata");
  if (!text) return fail(std::move(text.error()));
  return from_toml(*text, files.config());
}

Result<> save(const Files& files, const Config& config) {
  AUTOCTL_TRY(validate(config));
  return write_file(files.config(), to_toml(config), 0600);
}

Result<> validate(const Config& config) {
  for (const Key& key : keys()) {
    if (key.check == nullptr) continue;
    const std::string wrong = key.check(value_of(key, config));
    if (!wrong.empty()) return fail(Errc::bad_usage, fmt::format("{}: {}", key.name, wrong));
  }
  return check_method(config);
}

Result<std::string> get(const Config& config, const std::string& key) {
  const auto found = find_key(key);
  if (!found) return fail(found.error());
  return value_of(**found, config);
}

Result<> set(Config& config, const std::string& key, const std::string& value) {
  const auto found = find_key(key);
  if (!found) return fail(found.error());
  if (!(*found)->settable)
    return fail(Errc::bad_usage, fmt::format("'{}' is fixed when the node is created", key),
                "it cannot be changed by `config set`");
  if ((*found)->check != nullptr) {
    const std::string wrong = (*found)->check(value);
    if (!wrong.empty()) return fail(Errc::bad_usage, fmt::format("{}: {}", key, wrong));
  }
  if (!write((*found)->slot(config), value))
    return fail(Errc::bad_usage, fmt::format("{}: '{}' is of the wrong type", key, value),
                "a switch takes true or false, a number digits only");
  return {};
}

std::vector<std::pair<std::string, std::string>> all(const Config& config) {
  std::vector<std::pair<std::string, std::string>> values;
  for (const Key& key : keys())
    if (config.is_monitor() ? !key.of_nodes : !key.of_monitors) values.emplace_back(key.name, value_of(key, config));
  return values;
}

}  // namespace autoctl::config
