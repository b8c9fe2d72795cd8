// Rows for people and for scripts, in the formats that patronictl's users know. Pure: text from values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace autoctl::cli {

enum class SheetFormat { pretty, tsv, json, csv };
std::optional<SheetFormat> parse_sheet_format(const std::string& name);

/// Nothing (NULL), a number, or a text.
using Cell = std::variant<std::monostate, std::int64_t, std::string>;

struct Sheet {
  std::string title;  // stands in the frame's first line; pretty only
  std::vector<std::string> columns;
  std::vector<std::vector<Cell>> rows;  // each as long as `columns`
  bool omits_empty = false;             // JSON: a cell without a value has no key; else it is null
};

/// Ends with a line break; empty where there are no columns. Numbers stand to the right in `pretty`. What `csv` has to
/// quote is quoted; `tsv` is as it is, with `delimiter` between the cells.
std::string to_text(const Sheet& sheet, SheetFormat format, const std::string& delimiter = "\t");

}  // namespace autoctl::cli
