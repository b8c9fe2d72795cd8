#include "timelines.h"

#include <algorithm>

namespace autoctl::simulator {

Position Timelines::fork(Position at, int writer) {
  const Branch& parent = (*this)[at.branch];
  Branch branch{at.branch, at.lsn, parent.timeline + 1, writer, parent.history};
  branch.history.push_back({Timeline{parent.timeline}, Lsn{at.lsn}});
  branches_.push_back(std::move(branch));
  return {static_cast<std::int32_t>(branches_.size()) - 1, at.lsn};
}

bool Timelines::strays(Position position) const {
  for (std::int32_t branch = position.branch; branch >= 0; branch = (*this)[branch].parent)
    if ((*this)[branch].by_hand) return true;
  return false;
}

bool Timelines::contains(Position whole, Position part) const {
  std::uint64_t end = whole.lsn;
  std::int32_t branch = whole.branch;
  while (branch > part.branch) {  // a parent is older, its number smaller
    end = std::min(end, (*this)[branch].start);
    branch = (*this)[branch].parent;
  }
  return branch == part.branch && part.lsn <= end;
}

Position Timelines::on_the_way(Position whole, std::uint64_t lsn) const {
  if (lsn >= whole.lsn) return whole;
  std::int32_t branch = whole.branch;
  while ((*this)[branch].parent >= 0 && (*this)[branch].start > lsn) branch = (*this)[branch].parent;
  return {branch, lsn};
}

std::uint64_t Timelines::last_common(Position a, Position b) const {
  while (a.branch != b.branch) {
    Position& newer = a.branch > b.branch ? a : b;
    const Branch& branch = (*this)[newer.branch];
    newer = {branch.parent, std::min(newer.lsn, branch.start)};
  }
  return std::min(a.lsn, b.lsn);
}

}  // namespace autoctl::simulator
