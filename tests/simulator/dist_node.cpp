#include "dist_node.h"

#include <algorithm>

namespace autoctl::simulator {

std::optional<std::size_t> DistNode::write(int node, Rows rows, Micros now) {
  if (!servers_.write(node)) return std::nullopt;
  changes_.push_back({servers_[node].wal, node, servers_[node].generation, false, now, std::move(rows)});
  return changes_.size() - 1;
}

bool DistNode::returns(std::size_t number) {
  Change& change = changes_[number];
  if (!change.visible && servers_[change.writer].generation == change.server)
    change.visible = servers_.acknowledges(change.writer, change.at.lsn);
  return change.visible;
}

bool DistNode::sees(int node, const Change& change) const {
  const bool waits = !change.visible && change.writer == node && servers_[node].generation == change.server;
  return !waits && servers_.timelines(node).contains(servers_[node].wal, change.at);
}

std::vector<DistNode::Row> DistNode::read(int node) const {
  std::vector<Row> seen;
  for (const Change& change : changes_) {
    if (!sees(node, change)) continue;
    for (const auto& [id, row] : change.rows) {
      const auto at = std::ranges::find(seen, id, &Row::id);
      if (at != seen.end() && row)
        *at = *row;
      else if (at != seen.end())
        seen.erase(at);
      else if (row)
        seen.push_back(*row);
    }
  }
  std::ranges::sort(seen, {}, &Row::id);
  return seen;
}

std::optional<Micros> DistNode::row_since(int node, GroupId group) const {
  for (const Change& change : changes_)
    for (const auto& [id, row] : change.rows)
      if (row && row->group == group && row->primary && sees(node, change)) return change.written;
  return std::nullopt;
}

}  // namespace autoctl::simulator
