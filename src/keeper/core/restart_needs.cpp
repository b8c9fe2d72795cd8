#include "keeper/core/restart_needs.h"

#include "keeper/core/core.h"

namespace autoctl::keeper {

std::string list_of(const std::vector<std::string>& needs) {
  std::string text;
  for (std::size_t i = 0; i < needs.size(); ++i)
    text += (i == 0 ? "" : i + 1 == needs.size() ? " and " : ", ") + needs[i];
  return text;
}

std::string restart_wish(const std::vector<std::string>& needs) {
  return "Postgres needs a restart for " + list_of(needs) + ": `autoctl restart postgres`";
}

/// What is started next reads what Order::configure has written. Once: what even that does not help is told later. The
/// checkpoint comes before, while clients are served, so that the shutdown is short. A standby is not what was to be
/// taken over: the next step says so.
Next restart_if_needed(const StepContext& c, const StepMemory& m) {
  const bool primary = c.seen.running && c.seen.answer && !c.seen.answer->in_recovery;
  if (!primary || c.seen.restart_needs.empty() || m.did(Order::Kind::stop)) return Next::done();
  if (m.did(Order::Kind::checkpoint)) return Next::to(Order::Kind::stop);
  c.tell("Postgres is taken over, and restarted once for " + list_of(c.seen.restart_needs));
  return Next::to(Order::Kind::checkpoint);
}

/// While a node takes its Postgres over, the step above says it, and does it; one that is to join is stopped in any case.
void Core::notice_restart_needs(const Observation& seen) {
  const bool takes_over = saved_.state == NodeState::init || saved_.state == NodeState::wait_standby;
  if (takes_over || (seen.running && !seen.answer) || seen.restart_needs == restart_needs_) return;
  restart_needs_ = seen.restart_needs;
  if (!restart_needs_.empty()) announce(restart_wish(restart_needs_));
}

}  // namespace autoctl::keeper
