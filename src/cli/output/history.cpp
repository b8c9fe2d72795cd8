#include "cli/output/history.h"

#include <algorithm>
#include <string>

namespace autoctl::cli {

namespace {

using protocol::EventDocument;
using protocol::NodeDocument;

/// The rule that ends each promotion; its sentence ends with the new timeline.
constexpr const char* promoted = "candidate_promoted";

const NodeDocument* authority(const std::vector<NodeDocument>& nodes) {
  const auto rank = [](const NodeDocument& node) { return std::pair(is_leader_state(node.assigned), node.timeline); };
  const auto best = std::ranges::max_element(nodes, [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  return best == nodes.end() ? nullptr : &*best;
}

struct Switch {
  const EventDocument* promotion = nullptr;  // of the new primary
  const EventDocument* cause = nullptr;      // with which its predecessor stopped being one
};

/// The last promotion that led to `timeline`: by hand, or by a monitor that forgot it, there is none.
Switch find_switch(const std::vector<EventDocument>& events, Timeline timeline) {
  const std::string ending = "timeline " + std::to_string(timeline.value);
  Switch found;
  const EventDocument* cause = nullptr;
  for (const EventDocument& event : events) {
    const bool stops = event.kind == "goal" && is_outgoing_state(event.assigned);
    const bool is_promotion = event.rule == promoted && is_leader_state(event.assigned);
    if (stops && cause == nullptr) cause = &event;
    if (!is_promotion) continue;
    if (event.description.ends_with(ending)) found = {&event, cause};
    cause = nullptr;
  }
  return found;
}

}  // namespace

Sheet history_sheet(const std::vector<NodeDocument>& nodes, const std::vector<EventDocument>& events) {
  Sheet sheet;
  sheet.columns = {"TL", "LSN", "Reason", "Timestamp", "New Leader"};
  const NodeDocument* told_by = authority(nodes);
  if (told_by == nullptr) return sheet;
  for (std::size_t i = 0; i < told_by->history.size(); ++i) {
    const HistoryEntry& entry = told_by->history[i];
    const bool last = i + 1 == told_by->history.size();
    const Switch found = find_switch(events, last ? told_by->timeline : told_by->history[i + 1].timeline);
    sheet.rows.push_back({static_cast<std::int64_t>(entry.timeline.value), to_string(entry.switch_lsn),
                          found.cause == nullptr ? Cell() : Cell(found.cause->rule + ": " + found.cause->description),
                          found.promotion == nullptr ? Cell() : Cell(found.promotion->time),
                          found.promotion == nullptr ? Cell() : Cell(found.promotion->node_name)});
  }
  return sheet;
}

}  // namespace autoctl::cli
