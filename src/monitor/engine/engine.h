// The heart of the monitor: takes reports, judges, decides, writes down, answers. Single-threaded and without a clock
// or a socket of its own; service.h runs it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "monitor/engine/access.h"
#include "monitor/engine/environment.h"
#include "monitor/engine/event_log.h"
#include "monitor/engine/model.h"
#include "monitor/engine/node_settings.h"
#include "monitor/engine/prober.h"
#include "monitor/engine/store.h"

namespace autoctl::monitor {

struct Caller {
  std::string bearer;
  std::uint64_t connection = 0;
};

/// The rule table, or in tests one with a mistake in it.
using Decide = std::function<std::optional<Decision>(const GroupSnapshot&, const Settings&, TimePoint)>;

class Engine {
 public:
  /// `store` and `prober` must outlive it. Until restore() it has nothing and refuses what changes anything.
  Engine(Store& store, Prober& prober, Access access, Environment environment, Decide decide = monitor::decide);

  // ---- the store comes and goes
  /// What store.load() returned. Reports that came while it was away are taken into account from here on.
  void restore(const Image& image);
  /// From now on, and after any failed commit, nothing is decided and the store is not touched until restore().
  void store_lost(const std::string& why);
  bool store_available() const { return store_available_; }

  // ---- requests; each reply is called exactly once, unless the engine ends first
  void report(NodeId id, const protocol::Report& report, const Caller& caller, Reply<protocol::Assignment> reply);
  void register_node(const protocol::RegisterRequest& request, const Caller& caller,
                     Reply<protocol::RegisterAnswer> reply);
  /// What an operator may set of one node (node_settings.h); answers with all of it.
  void change_node(NodeId id, const protocol::SettingsDocument& changes, const Caller& caller,
                   const Reply<protocol::SettingsDocument>& reply);
  /// `allow_data_loss`: also one that may have acknowledged what no other node has.
  void drop_node(NodeId id, bool allow_data_loss, const Caller& caller, const Reply<>& reply);
  /// The node goes on without this monitor; its formation waits for it.
  void leave(NodeId id, const Caller& caller, const Reply<>& reply);
  void state(const std::string& formation, std::optional<GroupId> group, const Caller& caller,
             const Reply<protocol::StateDocument>& reply);
  void explain(const std::string& formation, std::optional<GroupId> group, const Caller& caller,
               const Reply<protocol::ExplanationsDocument>& reply);
  void create_formation(const protocol::FormationDocument& document, const Caller& caller,
                        const Reply<protocol::FormationDocument>& reply);
  void drop_formation(const std::string& name, const Caller& caller, const Reply<>& reply);
  void events(const EventQuery& query, Millis wait, const Caller& caller, Reply<protocol::EventsDocument> reply);
  void settings(const std::string& formation, const Caller& caller, const Reply<protocol::SettingsDocument>& reply);
  void change_settings(const protocol::SettingsDocument& document, const Caller& caller,
                       const Reply<protocol::SettingsDocument>& reply);
  void start_operation(const protocol::OperationRequest& request, const Caller& caller,
                       const Reply<protocol::OperationDocument>& reply);
  void operation(std::int64_t id, Millis wait, const Caller& caller, Reply<protocol::OperationDocument> reply);

  // ---- evidence
  void disconnected(std::uint64_t connection);
  void probed(NodeId id, ProbedPort port, PortState state);

  // ---- time
  /// At the beginning of each round: time in which we did not run ourselves (stopped, stuck in a commit) proves nothing
  /// about others.
  void wake();
  /// Does what time alone makes necessary; call at next_tick() or earlier.
  void tick();
  TimePoint next_tick() const;

  const std::string& monitor_id() const { return model_.monitor_id; }

 private:
  // engine.cpp: decide and write down
  void settle(Group& group);
  void settle_all();
  bool apply(Group& group, const Decision& decision);
  void observe(Group& group, const GroupSnapshot& view, const Settings& settings);
  bool commit(Change change);
  void add_unwritten(Change& change);
  void flush();
  void forget_dropped(Group& group);
  bool remove(Group& group, NodeId id, Change change = {});
  void update_trust();
  void tell_if_blocked(const Group& group, const GroupSnapshot& view);
  void look_after_suspects(Group& group);
  TimePoint next_check(const Group& group) const;
  protocol::EventDocument event_of(const Group& group, const Node* node, std::string kind, std::string text) const;

  // membership.cpp
  /// An operator, and a store to write to.
  Result<> admit_change(const Caller& caller) const;
  Result<> admit_while_not_paused(const std::string& formation) const;
  /// Puts into `change` what follows for number_sync_standbys, and returns the formation as it is once that is
  /// committed.
  std::optional<FormationRow> fit_sync_standbys(const Group& group, QuorumChange what, Change& change) const;
  void adopt(const std::optional<FormationRow>& fitted);
  void drop_again(Group& group, const Node& node, const Reply<>& reply);

  // returning.cpp
  Result<> arrive(Group& group, Node& node, const protocol::Report& report);
  void await_others(const FormationRow& formation, const Group& group, const protocol::Memory& memory, Change& change);
  bool complete(const std::string& name);
  void complete_formations();
  void drop_awaited(Group& group, const Node& node, bool allow_data_loss, const Reply<>& reply);

  // reporting.cpp
  protocol::Assignment farewell(Term term, std::uint64_t version) const;
  Result<> admit(const Node& node, const protocol::Report& report, const Caller& caller) const;
  Result<> check_facts(const Group& group, const Node& node, const protocol::Report& report) const;
  void take_in(Group& group, Node& node, const protocol::Report& report, const Caller& caller);
  void take_in_address(const Group& group, Node& node, const protocol::Report& report);
  void refresh_assignments(Group& group);
  void tell_formation(Group& group);
  void settle_formation(const Group& coordinators);
  void take_in_citus(const Group& group, Node& node, const protocol::Report& report);
  void answer(const Group& group, Node& node, const Reply<protocol::Assignment>& reply);
  void release(Group& group, Node& node);

  // operations.cpp
  Result<> admit_operation(const Group& group, const std::string& kind) const;
  Result<> admit_hand_over(const Group& group, const std::string& name, const Caller& caller) const;
  Result<protocol::OperationDocument> begin_operation(Group& group, OperationRow operation, const std::string& event);
  void finish_operation(const OperationRow& operation);

  Store& store_;
  Prober& prober_;
  const Access access_;
  const Environment env_;
  const Decide decide_;

  Model model_;
  EventLog log_;
  TimePoint last_round_;
  bool store_available_ = false;
  std::string store_lost_because_;
  std::optional<TimePoint> store_lost_at_;

  // What is to be written with the next commit.
  std::set<NodeId> changed_nodes_;
  std::set<GroupKey> changed_groups_;
  std::vector<protocol::EventDocument> new_events_;
  // The commit whose outcome is unknown: its last event, and how many of new_events_ went into it.
  std::int64_t in_doubt_event_ = 0;
  std::size_t in_doubt_count_ = 0;

  std::uint64_t version_;  // of assignments; grows from a value above all that a former process gave
  struct OperationWaiter {
    TimePoint until;
    Reply<protocol::OperationDocument> reply;
  };
  std::multimap<std::int64_t, OperationWaiter> operation_waiters_;
  std::set<NodeId> watched_;
  std::map<GroupKey, std::vector<NodeId>> blocked_;  // whose election waits, and for whom
};

protocol::OperationDocument operation_document(const OperationRow& operation);

/// What a decision changes, as rows and events. `wall` dates the events.
Change change_of(const Group& group, const Decision& decision, std::chrono::system_clock::time_point wall);

}  // namespace autoctl::monitor
