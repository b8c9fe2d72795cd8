// Simulates worlds with a keeper whose core has a mistake, until it is found: random ones, or, as the first argument says,
// small ones where a failover may lose commits.
#include <cstdio>
#include <string_view>

#include "tests/simulator/simulation.h"

int main(int argc, char** argv) {
  using namespace autoctl::simulator;
  const bool bounded_loss = argc > 1 && std::string_view(argv[1]) == "bounded_loss";
  constexpr std::uint64_t events_max = 12'000'000;
  std::uint64_t events = 0;
  for (std::uint64_t seed = 1; events < events_max; ++seed) {
    const WorldPlan plan = bounded_loss ? WorldPlan{.seed = seed, .nodes = 2, .bounded_loss = true} : random_plan(seed);
    const RunResult outcome = simulate(plan);
    events += outcome.tally.events;
    if (!outcome.violation) continue;
    std::printf("found after %llu events: %.300s\n", static_cast<unsigned long long>(events),
                outcome.violation->c_str());
    return 0;
  }
  std::printf("NOT found in %llu events\n", static_cast<unsigned long long>(events));
  return 1;
}
