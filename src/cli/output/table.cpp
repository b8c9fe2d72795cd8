#include "cli/output/table.h"

#include <fmt/format.h>

#include <algorithm>

namespace autoctl::cli {

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::add(std::vector<std::string> row) {
  rows_.push_back(std::move(row));
}

std::size_t Table::width(std::size_t column) const {
  std::size_t width = std::max(columns_[column].width_min, columns_[column].title.size());
  if (columns_[column].left) return width;
  for (const auto& row : rows_) width = std::max(width, row[column].size());
  return width;
}

std::string Table::line(const std::vector<std::string>& row) const {
  std::string text;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) text += " | ";
    text += columns_[i].left ? row[i] : fmt::format("{:>{}}", row[i], width(i));
  }
  return text + '\n';
}

std::string Table::head() const {
  std::vector<std::string> titles;
  std::string rule;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    titles.push_back(columns_[i].title);
    // The first and the last column touch no bar on their outer side.
    const std::size_t sides = (i > 0 ? 1U : 0U) + (i + 1 < columns_.size() ? 1U : 0U);
    if (i > 0) rule += '+';
    rule += std::string(width(i) + sides, '-');
  }
  return line(titles) + rule + '\n';
}

std::string Table::text() const {
  std::string text = head();
  for (const auto& row : rows_) text += line(row);
  return text;
}

}  // namespace autoctl::cli
