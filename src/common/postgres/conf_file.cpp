#include "common/postgres/conf_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <optional>

#include "common/config/files.h"

namespace autoctl::postgres {
namespace {

namespace fs = std::filesystem;
constexpr int deepest_include = 10;  // as in the server

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

void skip_blanks(std::string_view& text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
}

/// 'quoted' with '' and \x inside, or one bare word.
std::string take_value(std::string_view text) {
  std::string value;
  if (!text.starts_with('\'')) {
    while (!text.empty() && !is_blank(text.front()) && text.front() != '#') {
      value += text.front();
      text.remove_prefix(1);
    }
    return value;
  }
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\'' && (i + 1 >= text.size() || text[i + 1] != '\'')) break;
    if ((text[i] == '\'' || text[i] == '\\') && i + 1 < text.size()) ++i;
    value += text[i];
  }
  return value;
}

std::optional<ConfLine> parse_line(std::string_view line) {
  skip_blanks(line);
  ConfLine parsed;
  while (!line.empty() &&
         (std::isalnum(static_cast<unsigned char>(line.front())) != 0 || line.front() == '_' || line.front() == '.')) {
    parsed.name += static_cast<char>(std::tolower(static_cast<unsigned char>(line.front())));
    line.remove_prefix(1);
  }
  if (parsed.name.empty()) return std::nullopt;
  skip_blanks(line);
  if (line.starts_with('=')) {
    line.remove_prefix(1);
    skip_blanks(line);
  }
  parsed.value = take_value(line);
  return parsed;
}

bool includes_file(const std::optional<ConfLine>& line, const std::string& file) {
  return line && line->name.starts_with("include") && line->value == file;
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

void read_into(ServerSettings& settings, const fs::path& path, const std::string& skipped, int depth) {
  if (depth > deepest_include || path == skipped) return;
  const auto text = config::read_file(path.string());
  if (!text) return;
  for (const auto& line : parse_conf(*text)) {
    const fs::path target = path.parent_path() / line.value;
    if (line.name == "include" || line.name == "include_if_exists") {
      read_into(settings, target, skipped, depth + 1);
    } else if (line.name == "include_dir") {
      std::vector<fs::path> files;
      std::error_code error;
      for (const auto& entry : fs::directory_iterator(target, error))
        if (entry.path().extension() == ".conf" && !entry.path().filename().string().starts_with('.'))
          files.push_back(entry.path());
      std::ranges::sort(files);
      for (const auto& file : files) read_into(settings, file, skipped, depth + 1);
    } else {
      settings[line.name] = line.value;
    }
  }
}

}  // namespace

std::vector<ConfLine> parse_conf(std::string_view text) {
  std::vector<ConfLine> parsed;
  for (const auto& line : split_lines(text))
    if (auto setting = parse_line(line)) parsed.push_back(std::move(*setting));
  return parsed;
}

ServerSettings read_settings(const std::string& path, const std::string& skipped) {
  ServerSettings settings;
  read_into(settings, path, skipped, 0);
  return settings;
}

std::string conf_line(std::string_view name, std::string_view value) {
  std::string line = std::string(name) + " = '";
  for (const char c : value) {
    if (c == '\'' || c == '\\') line += c;
    line += c;
  }
  return line + "'\n";
}

std::string without_settings(const std::string& text, const std::set<std::string>& names) {
  std::string out;
  for (const auto& line : split_lines(text)) {
    const auto setting = parse_line(line);
    if (!setting || !names.contains(setting->name)) out += line + "\n";
  }
  return out;
}

bool includes(const std::string& text, const std::string& file) {
  const auto lines = split_lines(text);
  return std::ranges::any_of(lines, [&](const std::string& line) { return includes_file(parse_line(line), file); });
}

std::string with_include_at_end(const std::string& text, const std::string& file) {
  static constexpr std::string_view comment = "# autoctl's settings; this line stays the last one.";
  std::string out;
  for (const auto& line : split_lines(text)) {
    if (!includes_file(parse_line(line), file) && line != comment) out += line + "\n";
  }
  while (out.ends_with("\n\n")) out.pop_back();
  return out + (out.empty() ? "" : "\n") + std::string(comment) + "\ninclude_if_exists = '" + file + "'\n";
}

Result<bool> update_file(const std::string& path, const std::string& text) {
  const auto before = config::read_file(path);
  if (before && *before == text) return false;
  struct stat info {};
  const unsigned mode = ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0600;
  AUTOCTL_TRY(config::write_file(path, text, mode));
  return true;
}

}  // namespace autoctl::postgres
