#include "common/fsm/ancestry.h"

#include <algorithm>

namespace autoctl {
namespace {

/// Both walked the same timelines, left at the same positions, up to the end of the shorter list.
bool same_ancestors(const std::vector<HistoryEntry>& a, const std::vector<HistoryEntry>& b) {
  const auto length = static_cast<std::ptrdiff_t>(std::min(a.size(), b.size()));
  return std::equal(a.begin(), a.begin() + length, b.begin());
}

}  // namespace

Ancestry compare_ancestry(const Lineage& own, const Lineage& upstream) {
  if (!own.timeline || !upstream.timeline) return Ancestry::unknown;
  if (own.timeline == upstream.timeline) {
    // A promotion takes the next free number, so two nodes cut off from each other can both have made "timeline 2".
    if (own.history != upstream.history) return Ancestry::diverged;
    return upstream.lsn && own.lsn > upstream.lsn ? Ancestry::diverged : Ancestry::follows;
  }
  const auto left = std::ranges::find(upstream.history, own.timeline, &HistoryEntry::timeline);
  if (left == upstream.history.end() || !same_ancestors(own.history, upstream.history)) return Ancestry::diverged;
  if (own.lsn > left->switch_lsn) return Ancestry::diverged;
  return own.lsn_exact && own.lsn ? Ancestry::follows : Ancestry::unknown;
}

}  // namespace autoctl
