// A store in memory that keeps to the seam's rules, and can be made to fail in the ways a real one does.
#pragma once

#include <algorithm>
#include <map>

#include "monitor/engine/store.h"

namespace autoctl::test {

class MemoryStore final : public monitor::Store {
 public:
  enum class Failure {
    none,
    before_commit,  // nothing is written
    after_commit,   // everything is written, but the writer does not learn it
  };

  Result<monitor::Image> load() override {
    if (away) return fail(Errc::unavailable, "the store is away");
    connected_ = true;
    monitor::Image image;
    image.monitor_id = "monitor-in-memory";
    for (const auto& [key, row] : formations) image.formations.push_back(row);
    for (const auto& [key, row] : groups) image.groups.push_back(row);
    for (const auto& [key, row] : nodes) image.nodes.push_back(row);
    for (const auto& [key, row] : operations) image.operations.push_back(row);
    for (const auto& [key, row] : tokens) image.tokens.push_back(row);
    image.last_node = last_node;
    image.last_operation = operations.empty() ? 0 : operations.rbegin()->first;
    image.last_event = events_.empty() ? 0 : events_.back().id;
    return image;
  }

  Result<> commit(const monitor::Change& change) override {
    if (!connected_) return fail(Errc::unavailable, "the store is in doubt: load() comes first");
    const Failure failure = std::exchange(next_failure, Failure::none);
    if (away || failure == Failure::before_commit) return lose("the connection broke before the commit");
    ++commits;
    for (const auto& row : change.formations) formations[row.name] = row;
    for (const auto& row : change.groups) groups[{row.formation, row.group}] = row;
    for (const NodeId id : change.removed) nodes.erase(id);
    for (const auto& row : change.nodes) {
      nodes[row.id] = row;
      last_node = std::max(last_node, row.id);
    }
    for (const auto& row : change.operations) operations[row.id] = row;
    for (const auto id : change.removed_tokens) tokens.erase(id);
    for (const auto& row : change.tokens) tokens[row.id] = row;
    for (const auto& event : change.events) {
      if (!events_.empty() && event.id <= events_.back().id) return fail(Errc::internal, "event ids must grow");
      events_.push_back(event);
    }
    for (const auto& name : change.removed_formations) {
      std::erase_if(groups, [&name](const auto& entry) { return entry.first.first == name; });
      formations.erase(name);
    }
    if (failure == Failure::after_commit) return lose("the connection broke during the commit");
    return {};
  }

  Result<std::vector<protocol::EventDocument>> events(const monitor::EventQuery& query) override {
    std::vector<protocol::EventDocument> found;
    for (const auto& event : events_)
      if (event.id > query.after && (query.formation.empty() || query.formation == event.formation) &&
          (!query.group || *query.group == event.group))
        found.push_back(event);
    const auto count = static_cast<std::size_t>(query.count);
    if (found.size() > count) {
      const auto extra = static_cast<std::ptrdiff_t>(found.size() - count);
      query.latest ? found.erase(found.begin(), found.begin() + extra) : found.erase(found.end() - extra, found.end());
    }
    return found;
  }

  const std::vector<protocol::EventDocument>& all_events() const { return events_; }

  bool away = false;
  Failure next_failure = Failure::none;
  int commits = 0;
  std::map<std::string, monitor::FormationRow> formations;
  std::map<std::pair<std::string, GroupId>, monitor::GroupRow> groups;
  std::map<NodeId, monitor::NodeRow> nodes;
  std::map<std::int64_t, monitor::OperationRow> operations;
  std::map<std::int64_t, monitor::TokenRow> tokens;
  NodeId last_node;

 private:
  Result<> lose(const char* why) {
    connected_ = false;
    return fail(Errc::unavailable, why);
  }

  std::vector<protocol::EventDocument> events_;
  bool connected_ = false;
};

}  // namespace autoctl::test
