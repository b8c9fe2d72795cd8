// Postgres' configuration files as text: read them as the server does, change single lines, never reformat the rest.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/util/result.h"

namespace autoctl::postgres {

/// One line "name = value"; `name` is lower case. Directives (include, include_if_exists, include_dir) come as such.
struct ConfLine {
  std::string name;
  std::string value;
};
std::vector<ConfLine> parse_conf(std::string_view text);

using ServerSettings = std::map<std::string, std::string>;

/// The settings of `path` and of the files that it includes, without the file `skipped`; the last value wins. A file
/// that cannot be read counts as empty: the server reports that better.
ServerSettings read_settings(const std::string& path, const std::string& skipped = {});

/// "name = 'value'\n", quoted for the server.
std::string conf_line(std::string_view name, std::string_view value);

/// `text` without the lines that set one of `names`.
std::string without_settings(const std::string& text, const std::set<std::string>& names);

/// One of its lines includes `file`.
bool includes(const std::string& text, const std::string& file);
/// `text` with the one include line for `file` (relative to the including file) at its very end, where it wins.
std::string with_include_at_end(const std::string& text, const std::string& file);

/// Writes `text` if the file says something else; keeps its mode. True when it did.
Result<bool> update_file(const std::string& path, const std::string& text);

}  // namespace autoctl::postgres
