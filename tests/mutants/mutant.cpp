// Simulates worlds with a keeper whose core has a mistake, until it is found.
#include <cstdio>

#include "tests/simulator/simulation.h"

int main() {
  using namespace autoctl::simulator;
  constexpr std::uint64_t events_max = 12'000'000;
  std::uint64_t events = 0;
  for (std::uint64_t seed = 1; events < events_max; ++seed) {
    const RunResult outcome = simulate(random_plan(seed));
    events += outcome.tally.events;
    if (!outcome.violation) continue;
    std::printf("found after %llu events: %.300s\n", static_cast<unsigned long long>(events),
                outcome.violation->c_str());
    return 0;
  }
  std::printf("NOT found in %llu events\n", static_cast<unsigned long long>(events));
  return 1;
}
