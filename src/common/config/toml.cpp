// autoctl.toml as text. toml++ throws; it stops here.
#include <fmt/format.h>
#include <toml++/toml.h>

#include <sstream>

#include "common/config/config.h"
#include "common/config/keys.h"
#include "common/util/suggest.h"

namespace autoctl::config {

namespace {

std::string quoted(const std::string& text) {
  std::ostringstream out;
  const auto flags = toml::toml_formatter::default_flags & ~toml::format_flags::allow_literal_strings;
  out << toml::toml_formatter(toml::value<std::string>(text), flags);
  return out.str();
}

/// The value as TOML; empty when it is not set and shall not be written.
struct Printer {
  std::string operator()(const std::string* text) const { return quoted(*text); }
  std::string operator()(const int* number) const { return std::to_string(*number); }
  std::string operator()(const bool* truth) const { return *truth ? "true" : "false"; }
  std::string operator()(const std::optional<GroupId>* group) const { return *group ? std::to_string(**group) : ""; }
  std::string operator()(const NodeId* node) const { return std::to_string(node->value); }
};

/// The text that write() takes, if the TOML value's type fits the slot.
std::optional<std::string> text_for(const Slot& slot, const toml::node& node) {
  const bool wants_text = std::holds_alternative<std::string*>(slot);
  const bool wants_truth = std::holds_alternative<bool*>(slot);
  if (wants_text && node.is_string()) return node.value<std::string>();
  if (wants_truth && node.is_boolean()) return *node.value<bool>() ? "true" : "false";
  if (!wants_text && !wants_truth && node.is_integer()) return std::to_string(*node.value<std::int64_t>());
  return std::nullopt;
}

Error bad(const std::string& source, const toml::source_position& at, const std::string& what, std::string hint = {}) {
  return {Errc::bad_config, fmt::format("{}, line {}: {}", source, at.line, what), std::move(hint)};
}

Result<> read_key(Config& config, const std::string& name, const toml::node& node, const std::string& source) {
  std::vector<std::string> names;
  for (const Key& key : keys()) {
    names.emplace_back(key.name);
    if (key.name != name) continue;
    const Slot slot = key.slot(config);
    const auto text = text_for(slot, node);
    if (!text || !write(slot, *text))
      return fail(bad(source, node.source().begin, fmt::format("{} has a value of the wrong type", name)));
    const std::string wrong = key.check == nullptr ? "" : key.check(*text);
    if (!wrong.empty()) return fail(bad(source, node.source().begin, fmt::format("{}: {}", name, wrong)));
    return {};
  }
  const auto near = nearest(name, names);
  return fail(bad(source, node.source().begin, fmt::format("there is no setting '{}'", name),
                  near ? fmt::format("did you mean '{}'?", *near) : ""));
}

}  // namespace

std::string to_toml(const Config& config) {
  Config copy = config;
  std::string text = "# Written by autoctl. Change it with `autoctl config set`, or here, then run `autoctl reload`.\n";
  std::string_view section;
  for (const Key& key : keys()) {
    if (config.is_monitor() ? key.of_nodes : key.of_monitors) continue;
    const std::string value = std::visit(Printer{}, key.slot(copy));
    if (key.section() != section) text += fmt::format("\n[{}]\n", section = key.section());
    if (!value.empty()) text += fmt::format("{} = {}\n", key.leaf(), value);
  }
  return text;
}

Result<Config> from_toml(const std::string& text, const std::string& source) {
  toml::table document;
  try {
    document = toml::parse(text, source);
  } catch (const toml::parse_error& error) {
    return fail(bad(source, error.source().begin, std::string(error.description()), "it must be a TOML file"));
  }
  Config config;
  for (const auto& [section, values] : document) {
    const toml::table* table = values.as_table();
    if (table == nullptr)
      return fail(bad(source, values.source().begin, fmt::format("'{}' is outside of any section", section.str())));
    for (const auto& [leaf, node] : *table)
      AUTOCTL_TRY(read_key(config, fmt::format("{}.{}", section.str(), leaf.str()), node, source));
  }
  return config;
}

}  // namespace autoctl::config
