// The monitor's engine: takes reports, judges, decides, commits, answers. It is single-threaded and has no clock and no
// socket; src/monitor/service runs it. Its parts do the work; this is what its callers see of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "monitor/engine/access.h"
#include "monitor/engine/admission.h"
#include "monitor/engine/assignments.h"
#include "monitor/engine/environment.h"
#include "monitor/engine/event_log.h"
#include "monitor/engine/formations.h"
#include "monitor/engine/ledger.h"
#include "monitor/engine/membership.h"
#include "monitor/engine/model.h"
#include "monitor/engine/operation_waiters.h"
#include "monitor/engine/operations.h"
#include "monitor/engine/prober.h"
#include "monitor/engine/reports.h"
#include "monitor/engine/returning.h"
#include "monitor/engine/settler.h"
#include "monitor/engine/store.h"
#include "monitor/engine/suspects.h"
#include "monitor/engine/tokens.h"

namespace autoctl::monitor {

class Engine {
 public:
  /// `store` and `prober` must outlive it. Until restore() it knows nothing and refuses every change.
  Engine(Store& store, Prober& prober, Access access, Environment environment, Decide decide = monitor::decide);

  // ---- the store comes and goes
  /// What store.load() returned. Reports that came while it was away are taken into account from here on.
  void restore(const Image& image);
  /// From now on, and after any failed commit, nothing is decided and the store is not touched until restore().
  void store_lost(const std::string& why);
  bool store_available() const { return ledger_.available(); }

  // ---- requests; each reply is called exactly once, unless the engine ends first
  void report(NodeId id, const protocol::Report& report, const Caller& caller, Reply<protocol::Assignment> reply);
  /// A report of this node came, and waits or was turned away: there was no time for it.
  void heard(NodeId id, const Caller& caller);
  void register_node(const protocol::RegisterRequest& request, const Caller& caller,
                     Reply<protocol::RegisterAnswer> reply);
  /// What an operator may set of one node (node_settings.h); answers with all of it.
  void change_node(NodeId id, const protocol::SettingsDocument& changes, const Caller& caller,
                   const Reply<protocol::SettingsDocument>& reply);
  /// `allow_data_loss`: also one that may have acknowledged what no other node has.
  void drop_node(NodeId id, bool allow_data_loss, const Caller& caller, const Reply<>& reply);
  /// May the node that is registered at `host` have another certificate? To itself, or for who operates; it is an event.
  void certify(NodeId id, const std::string& host, const Caller& caller, const Reply<>& reply);
  /// The node goes on without this monitor; its formation waits for it, unless it is a standby.
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
  void create_token(const protocol::TokenRequest& request, const Caller& caller,
                    const Reply<protocol::TokenDocument>& reply);
  void tokens(const Caller& caller, const Reply<protocol::TokensDocument>& reply);
  void revoke_token(std::int64_t id, const Caller& caller, const Reply<protocol::TokenDocument>& reply);

  // ---- evidence
  void disconnected(std::uint64_t connection);
  /// Found at that time, or now.
  void probed(NodeId id, ProbedPort port, PortState state, TimePoint at = TimePoint::max());
  /// The monitor has more to do than it can, or keeps up again: said in one sentence.
  void overloaded(bool is, const std::string& words);
  /// Of a node, in words to which its name is the subject: an event.
  void tell_of(NodeId id, const std::string& words);

  /// An event of every formation.
  void tell(const std::string& words);

  // ---- trust
  /// To what all nodes are to come, and why that is another one: in one sentence, or "".
  void set_trust(const protocol::TrustGoal& goal, const std::string& change);
  /// Names of the nodes that have not come to it: they have said so, or have said nothing since the monitor started.
  /// Nodes without a certificate of the monitor's authority are left out. `bundle_only`: what they show is no matter.
  std::vector<std::string> behind_in_trust(bool bundle_only);

  // ---- time
  /// At the beginning of each round: time in which this process did not run (stopped, stuck in a commit) proves nothing
  /// about nodes. Nor does time in which it was `deaf`: it turned nodes away without knowing which.
  void wake(bool deaf = false);
  /// Does what becomes due by time alone; call at next_tick() or earlier.
  void tick();
  TimePoint next_tick() const;

  const std::string& monitor_id() const { return model_.monitor_id; }

 private:
  const Environment env_;
  const Access access_;
  Model model_;
  EventLog log_;
  OperationWaiters waiters_;
  Ledger ledger_;
  const Admission admission_;
  Assignments assignments_;
  Suspects suspects_;
  Settler settler_;
  Returning returning_;
  Tokens tokens_;
  Membership membership_;
  Formations formations_;
  Operations operations_;
  Reports reports_;
};

}  // namespace autoctl::monitor
