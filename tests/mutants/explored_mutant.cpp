// Explores groups with a keeper whose core has a mistake, until it is found.
#include <cstdio>

#include "tests/explorer/explorer.h"

namespace autoctl::explorer {
namespace {

/// The cheapest first.
std::vector<ExplorerPlan> plans() {
  const ExplorerPlan two{.faults = 2};
  const ExplorerPlan three{.nodes = 3, .operations = false, .at_rest = true, .any_weather = true};
  ExplorerPlan one_must_stay = three;
  one_must_stay.rules.settings.number_sync_standbys = 1;
  return {two, three, one_must_stay};
}

bool is_found() {
  std::size_t states = 0;
  for (const ExplorerPlan& plan : plans()) {
    const ExplorerReport report = Explorer(plan).run();
    states += report.states;
    if (!report.counterexample) continue;
    std::printf("found after %zu states: %s\n", states, report.counterexample->c_str());
    return true;
  }
  std::printf("NOT found in %zu states\n", states);
  return false;
}

}  // namespace
}  // namespace autoctl::explorer

int main() {
  return autoctl::explorer::is_found() ? 0 : 1;
}
