// The keys of autoctl.toml in one table: where each is in Config, what may change it, which values it takes.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "common/config/config.h"

namespace autoctl::config {

using Slot = std::variant<std::string*, int*, bool*, std::optional<GroupId>*, NodeId*>;

/// Why this text is not a valid value for a key; empty when it is.
using Check = std::string (*)(const std::string& text);

struct Key {
  std::string_view name;  // "section.key"
  Slot (*slot)(Config& config);
  bool settable;             // by `config set`; the others are what `create` and the monitor fixed
  Check check;               // null: anything goes
  bool of_nodes = false;     // a monitor has no such setting
  bool of_monitors = false;  // a node has none

  std::string_view section() const { return name.substr(0, name.find('.')); }
  std::string_view leaf() const { return name.substr(name.find('.') + 1); }
};

/// In the order in which they are written; keys of one section follow each other.
std::span<const Key> keys();

std::string read(const Slot& slot);
/// False when the text is of the wrong type.
bool write(const Slot& slot, const std::string& text);

}  // namespace autoctl::config
