// What is to be written, what was written, and what is in doubt. Nothing gets into the model, and no node hears of it,
// before it is on disk. What a report tells goes with the next commit.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "monitor/engine/environment.h"
#include "monitor/engine/event_log.h"
#include "monitor/engine/model.h"
#include "monitor/engine/operation_waiters.h"
#include "monitor/engine/store.h"

namespace autoctl::monitor {

/// Who does something, from where, and why.
struct By {
  std::string who, from, reason;
};

class Ledger {
 public:
  /// All must outlive it.
  Ledger(Store& store, Model& model, EventLog& log, OperationWaiters& waiters, const Environment& env)
      : store_(store), model_(model), log_(log), waiters_(waiters), env_(env) {}

  /// False until restore(), and again after a failed commit or lost(): then nothing is written.
  bool available() const { return available_; }
  /// What store.load() returned is the truth; what reports have told meanwhile is still to be written.
  void restore(const Image& image);
  void lost(const std::string& why);

  /// Writes `change` and all that is unwritten in one transaction. Then it is in the model, and followers and waiters
  /// hear of it. False: it may or may not have happened, and restore() will tell; or the store cannot hold it, and it
  /// and what was unwritten are left out.
  bool commit(Change change);
  /// Writes what is unwritten, if anything is.
  void flush();

  // ---- what goes with the next commit
  void note(const Node& node) { changed_nodes_.insert(node.row.id); }
  void note(const Group& group) { changed_groups_.insert({group.row.formation, group.row.group}); }
  void tell(protocol::EventDocument event) { unwritten_events_.push_back(std::move(event)); }

  // ---- events
  /// One that begins now: about a node of the group, or (nullptr) about the group.
  protocol::EventDocument event(const GroupRow& group, const NodeRow* node, std::string kind, std::string text) const;
  /// What somebody does now: of kind `operator`.
  protocol::EventDocument act(const By& by, const GroupRow& group, const NodeRow* node, std::string text) const;
  protocol::EventDocument act(const By& by, std::string text) const;
  /// One that is about no group.
  protocol::EventDocument event(std::string kind, std::string text) const;
  /// The id of the last one, those that are unwritten included.
  std::int64_t last_event() const { return log_.last_id() + static_cast<std::int64_t>(unwritten_events_.size()); }
  /// From memory, or from the store. Errors: unavailable, and the store's.
  Result<protocol::EventsDocument> events(const EventQuery& query);

  Moment moment() const { return {env_.now(), env_.wall()}; }

 private:
  void add_unwritten(Change& change) const;
  bool refused(const std::string& why);

  Store& store_;
  Model& model_;
  EventLog& log_;
  OperationWaiters& waiters_;
  const Environment& env_;

  bool available_ = false;
  std::string lost_because_;
  std::optional<TimePoint> lost_at_;

  std::set<NodeId> changed_nodes_;
  std::set<GroupKey> changed_groups_;
  std::vector<protocol::EventDocument> unwritten_events_;
  /// The commit whose outcome is unknown: its last event, and how many of the unwritten ones went into it.
  std::int64_t in_doubt_event_ = 0;
  std::size_t in_doubt_count_ = 0;
};

}  // namespace autoctl::monitor
