#include "monitor/engine/trust.h"

#include <algorithm>

#include "monitor/engine/evidence.h"

namespace autoctl::monitor {

void Trust::heard(const Group& group, const Node& node, TimePoint now) {
  if (!should_report(node)) return;
  const Settings& settings = model_.settings_of(group);
  if (monitor::out_of_sight(node, settings, now)) {
    out_.insert(node.row.id);
    return;
  }
  out_.erase(node.row.id);
  if (const auto next = may_go_out_of_sight(node, settings, now)) look_at_ = std::min(look_at_, *next);
}

bool Trust::judge(TimePoint now) {
  if (now >= look_at_ || roster_ != model_.roster()) look(now);
  return nodes_ < 2 || 2 * out_.size() <= nodes_;
}

void Trust::look(TimePoint now) {
  out_.clear();
  nodes_ = 0;
  look_at_ = TimePoint::max();
  roster_ = model_.roster();
  for (const auto& [key, group] : model_.groups) {
    for (const auto& [id, node] : group.nodes) {
      if (should_report(node)) ++nodes_;
      heard(group, node, now);
    }
  }
}

}  // namespace autoctl::monitor
