#include "sheet.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/output/table.h"

namespace autoctl::bench {

bool Options::has(const std::string& scenario) const {
  return std::ranges::find(scenarios, scenario) != scenarios.end();
}

std::string seconds(Millis time) {
  return fmt::format("{:.2f}", static_cast<double>(time.count()) / 1000);
}

void Sheet::add_times(const std::string& row, const std::string& system, std::vector<Millis> times) {
  std::ranges::sort(times);
  const Millis median = times[times.size() / 2];
  medians_[row][system] = median;
  add(row, system, fmt::format("{} ({} to {})", seconds(median), seconds(times.front()), seconds(times.back())));
}

void Sheet::add(const std::string& row, const std::string& system, std::string cell) {
  if (std::ranges::find(order_, row) == order_.end()) order_.push_back(row);
  if (std::ranges::find(systems_, system) == systems_.end()) systems_.push_back(system);
  cells_[row][system] = std::move(cell);
}

void Sheet::print() {
  std::vector<cli::Column> columns = {{"Write outage, s: median (best to worst)"}};
  for (const auto& system : systems_) columns.push_back({system});
  cli::Table table(columns);
  for (const auto& row : order_) {
    std::vector<std::string> cells = {row};
    for (const auto& system : systems_) cells.push_back(cells_[row][system] + ratio(row, system));
    table.add(std::move(cells));
  }
  fmt::print("{}", table.text());
}

std::string Sheet::ratio(const std::string& row, const std::string& system) {
  const auto& medians = medians_[row];
  const auto ours = medians.find("autoctl");
  const auto theirs = medians.find(system);
  if (ours == medians.end() || theirs == medians.end() || ours == theirs || ours->second.count() == 0) return "";
  return fmt::format(" = {:.0f} x",
                     static_cast<double>(theirs->second.count()) / static_cast<double>(ours->second.count()));
}

}  // namespace autoctl::bench
