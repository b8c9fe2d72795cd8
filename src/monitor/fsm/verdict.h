// Is this node alive? The verdict, with its evidence in words (docs/safety-rules.md, rule 4). The rules say what follows
// from it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/fsm/goal.h"
#include "monitor/fsm/settings.h"

namespace autoctl::monitor {

enum class Verdict : unsigned char {
  healthy,      // it reports
  suspected,    // its connection broke or a heartbeat is overdue: evidence is being collected
  unreachable,  // silent for long, but another node hears it, or evidence is missing: it keeps its role
  dead,         // conclusive: its host refuses, it is silent and no node hears it, or its own keeper says so
};
std::string_view to_string(Verdict verdict);

/// What one other node's keeper said about the judged node.
struct WitnessView {
  NodeId witness;
  std::string witness_name;
  bool hears = false;                   // replication between the two is alive
  PortState port = PortState::unknown;  // what its own attempt found at the judged node's Postgres port
  TimePoint at;                         // when the monitor received it
};

/// What the monitor's prober found at one of the judged node's ports.
struct ProbeResult {
  PortState port = PortState::unknown;
  TimePoint at;  // when the answer (or the end of waiting) came
};

/// All evidence on one node. Times are on the monitor's monotonic clock.
struct NodeObservation {
  TimePoint watching_since;                  // monitor start or registration, whichever is later
  std::optional<TimePoint> last_report;      // since monitor start
  std::optional<TimePoint> last_heard;       // a report came for which the monitor had no time (yet): it lives
  std::optional<TimePoint> disconnected_at;  // its report connection broke and it has not reported since
  bool shows_certificate = false;            // that of its Postgres is known: an open port has shown it
  ProbeResult postgres_port;
  ProbeResult keeper_port;
  bool cannot_run = false;  // its keeper says so
  std::string trouble;
  std::optional<TimePoint> postgres_down_since;  // its keeper reports Postgres down since then
  std::vector<WitnessView> witnesses;            // other nodes of the group that could hear it and report now
};

struct Health {
  Verdict verdict = Verdict::healthy;
  std::string why;               // the evidence, one sentence; goes into events
  bool by_its_own_word = false;  // its keeper lives, and says it
};

/// Pure. `may_expect_postgres` is false for nodes whose goal has Postgres stopped or not yet created.
Health assess(const NodeObservation& seen, bool may_expect_postgres, const Settings& settings, TimePoint now);

/// From when on evidence is about a node that was not heard any more: its last sign of life, or the end of its
/// connection.
TimePoint suspicion_began(const NodeObservation& seen);

/// True while the node should be probed and its witnesses asked: while it is not heard as it should be.
bool wants_evidence(const NodeObservation& seen, const Settings& settings, TimePoint now);

/// The moment at which assess() could change its mind with no new evidence; nullopt if never.
std::optional<TimePoint> next_deadline(const NodeObservation& seen, const Settings& settings, TimePoint now);

}  // namespace autoctl::monitor
