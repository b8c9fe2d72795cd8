#include "cli/demo/screen.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace autoctl::demo {
namespace {

/// A longer line would wrap, and the picture would not be erased completely.
std::string cut_to_width(const std::string& line) {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return line;
  return line.substr(0, size.ws_col - 1U);
}

}  // namespace

Screen::Screen() : terminal_(::isatty(STDOUT_FILENO) == 1) {}

Screen::~Screen() {
  std::fflush(stdout);
}

void Screen::erase() {
  if (drawn_lines_ > 0) fmt::print("\x1b[{}A\x1b[J", drawn_lines_);
  drawn_lines_ = 0;
}

void Screen::line(const std::string& text) {
  erase();
  fmt::print("{}\n", text);
  std::fflush(stdout);
}

void Screen::picture(const std::vector<std::string>& table, const std::string& status) {
  if (!terminal_) {
    if (table != last_table_)
      for (const auto& row : table) fmt::print("    {}\n", row);
  } else {
    erase();
    fmt::print("\n");
    for (const auto& row : table) fmt::print("    {}\n", cut_to_width(row));
    fmt::print("\n    {}\n", cut_to_width(status));
    drawn_lines_ = static_cast<int>(table.size()) + 3;
  }
  last_table_ = table;
  std::fflush(stdout);
}

std::vector<std::string> align(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::vector<std::string> lines;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += i == 0 ? fmt::format("{:<{}}", row[i], widths[i]) : fmt::format(" | {:>{}}", row[i], widths[i]);
    lines.push_back(std::move(line));
    if (lines.size() > 1) continue;
    std::string rule;
    for (std::size_t i = 0; i < widths.size(); ++i) rule += (i == 0 ? "" : "-+-") + std::string(widths[i], '-');
    lines.push_back(std::move(rule));
  }
  return lines;
}

std::vector<std::string> state_table(const protocol::StateDocument& state) {
  std::vector<std::vector<std::string>> rows = {
      {"Name", "Node", "Host:Port", "Connection", "Health", "Reported State", "Assigned State"}};
  for (const auto& node : state.nodes)
    rows.push_back({node.name, std::to_string(node.id.value), fmt::format("{}:{}", node.host, node.port),
                    node.connection, node.health, std::string(to_string(node.reported)),
                    std::string(to_string(node.assigned))});
  return align(rows);
}

}  // namespace autoctl::demo
