#include "monitor/engine/suspects.h"

#include "monitor/engine/evidence.h"

namespace autoctl::monitor {

void Suspects::look_after(Group& group, const Settings& settings, TimePoint now) {
  for (const auto& [id, node] : group.nodes) {
    if (should_report(node) && wants_evidence(node.seen, settings, now)) {
      prober_.watch(id, {node.row.host, node.row.port, node.row.api_port, node.certificates});
      watched_.insert(id);
    } else {
      forget(id);
    }
  }
  ask_witnesses(group, settings, now);
}

void Suspects::forget(NodeId id) {
  if (watched_.erase(id) != 0) prober_.unwatch(id);
}

}  // namespace autoctl::monitor
