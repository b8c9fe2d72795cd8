#include "kernel.h"

#include <fmt/format.h>

namespace autoctl::simulator {

std::string Trace::print(int group) const {
  std::string text = "  what happened last in this group (seconds, who, what):\n";
  for (const Note& note : notes_[static_cast<std::size_t>(group)])
    text += fmt::format("    {:10.4f}  {:7}  {} {}\n", static_cast<double>(note.at) / 1e6,
                        note.node < 0 ? "monitor" : fmt::format("node {}", note.node), note.what, note.detail);
  return text;
}

Tally& Tally::operator+=(const Tally& other) {
  events += other.events;
  commits_acknowledged += other.commits_acknowledged;
  reports += other.reports;
  decisions += other.decisions;
  promotions += other.promotions;
  losses += other.losses;
  faults += other.faults;
  monitor_crashes += other.monitor_crashes;
  holds += other.holds;
  routes += other.routes;
  convergences += other.convergences;
  slowest_convergence = std::max(slowest_convergence, other.slowest_convergence);
  virtual_seconds += other.virtual_seconds;
  return *this;
}

}  // namespace autoctl::simulator
