// Tables in the field's look: right-aligned columns between bars, a rule below the head.
#pragma once

#include <string>
#include <vector>

namespace autoctl::cli {

struct Column {
  std::string title;
  std::size_t width_min = 0;
  bool left = false;  // the last column of free text
};

class Table {
 public:
  explicit Table(std::vector<Column> columns);
  void add(std::vector<std::string> row);

  /// Title line and rule. Widths are those of what was added so far, or `width_min`.
  std::string head() const;
  std::string line(const std::vector<std::string>& row) const;
  /// All of it.
  std::string text() const;

 private:
  std::size_t width(std::size_t column) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace autoctl::cli
