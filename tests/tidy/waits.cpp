#include "waits.h"

#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "functions.h"

namespace autoctl::tidy {
namespace {

using Place = std::pair<std::string, std::string>;  // path, function

bool waits(const std::string& code) {
  static const std::regex primitive(R"((\b(sleep_for|sleep_until|wait_for|wait_until|poll|sigtimedwait)|\.wait)\s*\()");
  return std::regex_search(code, primitive);
}

std::map<Place, int> places_that_wait(const std::vector<SourceFile>& files) {
  std::map<Place, int> places;
  for (const auto& file : files) {
    if (!file.is_cpp() || !file.path.starts_with("src/") || file.path.starts_with("src/lab/")) continue;
    for (const auto& function : functions_of(file)) {
      if (waits(function.code)) places.emplace(Place{file.path, function.name}, function.line);
    }
  }
  return places;
}

/// Rows begin with | `path` `function` |.
std::map<Place, int> rows_of(const SourceFile& table) {
  static const std::regex row(R"(^\| `([^`]+)` `([^`]+)` \|)");
  std::map<Place, int> rows;
  std::istringstream lines(table.text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::smatch found;
    if (std::regex_search(line, found, row)) rows.emplace(Place{"src/" + found.str(1), found.str(2)}, number);
  }
  return rows;
}

}  // namespace

std::vector<Finding> undocumented_waits(const std::vector<SourceFile>& files, const std::string& table_path) {
  std::map<Place, int> rows;
  for (const auto& file : files) {
    if (file.path == table_path) rows = rows_of(file);
  }
  std::vector<Finding> findings;
  const auto places = places_that_wait(files);
  for (const auto& [place, line] : places) {
    if (!rows.contains(place)) {
      findings.push_back({place.first, line, place.second + " waits, and has no row in " + table_path});
    }
  }
  for (const auto& [place, line] : rows) {
    if (!places.contains(place)) {
      findings.push_back({table_path, line, place.second + " of " + place.first + " does not wait"});
    }
  }
  return findings;
}

}  // namespace autoctl::tidy
