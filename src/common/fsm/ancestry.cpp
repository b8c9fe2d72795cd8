#include "common/fsm/ancestry.h"

#include <algorithm>

namespace autoctl {
namespace {

/// Both walked the same timelines, left at the same positions, up to the end of the shorter list.
bool same_ancestors(const std::vector<HistoryEntry>& a, const std::vector<HistoryEntry>& b) {
  const auto length = static_cast<std::ptrdiff_t>(std::min(a.size(), b.size()));
  return std::equal(a.begin(), a.begin() + length, b.begin());
}

/// With the timeline that it is on, and where that ends for now.
std::vector<HistoryEntry> with_present(const Lineage& lineage, Lsn end) {
  std::vector<HistoryEntry> all = lineage.history;
  all.push_back({lineage.timeline, end});
  return all;
}

}  // namespace

Lsn last_common(const Lineage& own, const Lineage& upstream) {
  constexpr Lsn no_end{~std::uint64_t{0}};
  const auto ours = with_present(own, own.lsn);
  const auto theirs = with_present(upstream, upstream.lsn ? upstream.lsn : no_end);
  Lsn common;
  for (std::size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i) {
    if (ours[i].timeline != theirs[i].timeline) break;
    common = std::min(ours[i].switch_lsn, theirs[i].switch_lsn);
    if (ours[i].switch_lsn != theirs[i].switch_lsn) break;
  }
  return common;
}

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
