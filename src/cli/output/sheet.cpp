#include "cli/output/sheet.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace autoctl::cli {

namespace {

using Lines = std::vector<std::string>;

std::string text_of(const Cell& cell) {
  if (const auto* number = std::get_if<std::int64_t>(&cell)) return std::to_string(*number);
  const auto* text = std::get_if<std::string>(&cell);
  return text == nullptr ? "" : *text;
}

Lines lines_of(const std::string& text) {
  Lines lines(1);
  for (const char c : text) {
    if (c == '\n')
      lines.emplace_back();
    else
      lines.back() += c;
  }
  return lines;
}

/// In characters: UTF-8's continuation bytes take no room.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

/// A frame around every cell; the title lies over its first line.
class Frame {
 public:
  explicit Frame(const Sheet& sheet) : sheet_(sheet) {
    for (std::size_t i = 0; i < sheet.columns.size(); ++i) {
      std::size_t width = width_of(sheet.columns[i]);
      bool numbers = !sheet.rows.empty();
      for (const auto& row : sheet.rows) {
        for (const std::string& line : lines_of(text_of(row[i]))) width = std::max(width, width_of(line));
        numbers = numbers && !std::holds_alternative<std::string>(row[i]);
      }
      widths_.push_back(width);
      to_the_right_.push_back(numbers);
    }
  }

  std::string text() const {
    std::string first = rule();
    if (!sheet_.title.empty()) {
      const std::string title = "+ " + sheet_.title + " ";
      first = title + (width_of(title) < first.size() ? first.substr(width_of(title)) : "+");
    }
    std::vector<Cell> titles(sheet_.columns.begin(), sheet_.columns.end());
    std::string all = first + '\n' + row_of(titles) + rule() + '\n';
    for (const auto& row : sheet_.rows) all += row_of(row);
    return all + (sheet_.rows.empty() ? "" : rule() + '\n');
  }

 private:
  std::string rule() const {
    std::string rule = "+";
    for (const std::size_t width : widths_) rule += std::string(width + 2, '-') + "+";
    return rule;
  }

  std::string row_of(const std::vector<Cell>& row) const {
    std::vector<Lines> cells;
    std::size_t height = 1;
    for (const Cell& cell : row) {
      cells.push_back(lines_of(text_of(cell)));
      height = std::max(height, cells.back().size());
    }
    std::string text;
    for (std::size_t line = 0; line < height; ++line) {
      text += '|';
      for (std::size_t i = 0; i < cells.size(); ++i) {
        const std::string part = line < cells[i].size() ? cells[i][line] : "";
        const std::string room(widths_[i] - width_of(part), ' ');
        text += ' ' + (to_the_right_[i] ? room + part : part + room) + " |";
      }
      text += '\n';
    }
    return text;
  }

  const Sheet& sheet_;
  std::vector<std::size_t> widths_;
  std::vector<bool> to_the_right_;
};

std::string quoted_for_csv(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

std::string separated(const Sheet& sheet, const std::string& delimiter, std::string (*quote)(const std::string&)) {
  std::string text;
  const auto add = [&](const auto& row) {
    for (std::size_t i = 0; i < row.size(); ++i) text += (i == 0 ? "" : delimiter) + quote(text_of(row[i]));
    text += '\n';
  };
  add(std::vector<Cell>(sheet.columns.begin(), sheet.columns.end()));
  for (const auto& row : sheet.rows) add(row);
  return text;
}

std::string json_of(const Sheet& sheet) {
  auto rows = nlohmann::ordered_json::array();
  for (const auto& row : sheet.rows) {
    auto object = nlohmann::ordered_json::object();
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (const auto* number = std::get_if<std::int64_t>(&row[i]))
        object[sheet.columns[i]] = *number;
      else if (const auto* text = std::get_if<std::string>(&row[i]))
        object[sheet.columns[i]] = *text;
      else if (!sheet.omits_empty)
        object[sheet.columns[i]] = nullptr;
    }
    rows.push_back(std::move(object));
  }
  // What is not UTF-8 (a database in another encoding) is shown as far as it is.
  return rows.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace

std::optional<SheetFormat> parse_sheet_format(const std::string& name) {
  if (name == "pretty") return SheetFormat::pretty;
  if (name == "tsv") return SheetFormat::tsv;
  if (name == "json") return SheetFormat::json;
  if (name == "csv") return SheetFormat::csv;
  return std::nullopt;
}

std::string to_text(const Sheet& sheet, SheetFormat format, const std::string& delimiter) {
  if (sheet.columns.empty()) return "";
  switch (format) {
    case SheetFormat::pretty: return Frame(sheet).text();
    case SheetFormat::tsv: return separated(sheet, delimiter, [](const std::string& text) { return text; });
    case SheetFormat::csv: return separated(sheet, ",", quoted_for_csv);
    case SheetFormat::json: return json_of(sheet);
  }
  return "";
}

}  // namespace autoctl::cli
