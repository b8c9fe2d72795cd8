// What the monitor holds in memory: the stored rows, and beside them what is not stored: reports, evidence, verdicts.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <ranges>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/protocol/protocol.h"
#include "common/util/result.h"
#include "monitor/engine/store.h"
#include "monitor/fsm/decide.h"
#include "monitor/fsm/verdict.h"

namespace autoctl::monitor {

/// Answers a request, now or later, from the service's thread; called once.
template <class T = void>
using Reply = std::function<void(Result<T>)>;

/// A report whose answer waits until there is something to do.
struct HeldReport {
  TimePoint since, until;
  std::uint64_t known_version = 0;
  Reply<protocol::Assignment> reply;
};

/// A standby that is meant to stream and does not. It counts only while both nodes that can tell, the standby and its
/// primary, have said so all the time: what one said before and the other says now may be about two moments, and it may
/// have streamed in between.
struct Stall {
  std::optional<TimePoint> by_own_word;
  std::optional<TimePoint> by_primarys_word;
  Millis lasted{0};  // up to the primary's last report: by now it may stream again

  bool is_on() const { return by_own_word || by_primarys_word; }
};

/// What a primary's keeper has told of its WAL and of its lease, all times on that keeper's clock.
struct Written {
  struct Mark {
    Millis looked{0};  // no later than when the WAL ended at `lsn`
    Timeline timeline;
    Lsn lsn;
  };
  std::vector<Mark> marks;    // oldest first
  Millis left{0};             // its latest report
  Millis leased_until{0};     // no lease of it ends later
  std::uint64_t since = 0;    // Assignment::version in which its lease became strict
  bool strict_lease = false;  // it keeps to that, by its last report
  bool says_strict = false;   // it keeps to what it was told last, by any monitor
};

/// A keeper that says to be a node, and is refused.
struct Twin {
  std::string id;     // its newest link
  std::string place;  // of its machine and directory
  std::string words;  // what it is and what to do, for people
  TimePoint first_heard, last_heard;
  bool told = false;  // there is an event
};

struct Node {
  NodeRow row;  // as committed, but for what the node reported since

  /// Before row.instance.id, of the same keeper, the newest last: reports that were overtaken carry them.
  std::deque<std::string> former_links;
  std::optional<Twin> twin;  // the last one that was refused

  // From reports.
  NodeFacts facts;
  TimePoint told_at;  // when these facts came: no excuse makes them newer, as it does seen.last_report
  std::optional<protocol::CitusFacts> citus;  // of a coordinator's primary
  protocol::ShownCertificates certificates;   // as its last report that knew said
  protocol::TrustFacts trust;
  bool reported = false;  // since the monitor started
  std::uint64_t sequence = 0;
  std::uint64_t last_news = 0;  // of its epoch
  TimePoint telling_since;      // a minute begins, in which it has told so many
  int told = 0;
  std::uint64_t connection = 0;  // the one that carried the last report
  std::string elsewhere;         // the address of its machine, if that is not the monitor's
  std::string refused_host;      // at which it says to be, and cannot be
  NodeObservation seen;
  Health health;
  Stall stall;
  Written written;

  // Towards the node.
  TimePoint goal_since;
  TimePoint lease_until;
  protocol::Assignment assignment;  // what it is told; `lease` is set when an answer goes out
  bool questioned = false;          // asked to try its upstream, and has not answered
  TimePoint answered_at;            // the last question
  std::optional<HeldReport> held;
};

struct Group {
  GroupRow row;
  std::map<NodeId, Node> nodes;
  std::optional<OperationRow> operation;  // the running one
  TimePoint operation_since;
  TimePoint next_check;        // when time alone may change something
  std::string withheld;        // the rule that a pause keeps from firing, as it was told
  protocol::CitusRoute route;  // as the rest of a Citus formation was last told
};

/// The formation of a request that names none. It always exists.
inline constexpr const char* default_formation = "default";

using GroupKey = std::pair<std::string, GroupId>;

/// "shop/0: ", the beginning of a log line.
std::string about(const std::string& formation, GroupId group);

/// One moment on two clocks: the monotonic one, which measures, and the wall clock, which dates.
struct Moment {
  TimePoint now;
  std::chrono::system_clock::time_point wall;
};

/// By number.
template <class Groups>
auto of_formation(Groups& groups, const std::string& formation) {
  return std::ranges::subrange(groups.lower_bound({formation, 0}),
                               groups.upper_bound({formation, std::numeric_limits<GroupId>::max()}));
}

/// Rows change through apply() only; between two commits, only what a report tells is put into them.
class Model {
 public:
  /// What an image describes. What `before` knew of the moment is kept for nodes that are still there.
  static Model restored(const Image& image, Model before, const Moment& at);

  Model() = default;
  Model(Model&&) = default;
  Model& operator=(Model&&) = default;

  /// What was committed at `at`. A node that is new, or was registered anew, begins with nothing but its row.
  void apply(const Change& change, const Moment& at);

  Group* group_of(NodeId id);
  Node* find(NodeId id);
  const Settings& settings_of(const Group& group) const;
  auto groups_of(const std::string& formation) { return of_formation(groups, formation); }
  auto groups_of(const std::string& formation) const { return of_formation(groups, formation); }
  /// Formations whose nodes have not all come.
  const std::set<std::string>& incomplete_formations() const { return incomplete_; }
  /// Grows with everything that may change which nodes should report, and when: nodes, the states of their goals,
  /// settings.
  std::uint64_t roster() const { return roster_; }

  bool another_is_at(const std::string& host, int port, NodeId than) const;
  void move(Node& node, const std::string& host, int port, int api_port);

  /// The node's reports come over this connection from now on.
  void connect(Node& node, std::uint64_t connection);
  Node* find_by_connection(std::uint64_t connection);

  std::string monitor_id;
  std::map<std::string, FormationRow> formations;
  std::map<GroupKey, Group> groups;
  std::map<std::int64_t, OperationRow> operations;  // running and recent
  std::map<std::int64_t, TokenRow> tokens;
  NodeId last_node;
  std::int64_t last_operation = 0;
  bool trusts_itself = true;
  std::string overload;       // in one sentence, while there is more to do than can be done
  protocol::TrustGoal trust;  // of all nodes
  std::string trust_change;   // in one sentence, while the authority is replaced

 private:
  void put(const FormationRow& row);
  void put(const NodeRow& row, const Moment& at);
  void put(const OperationRow& row, const Moment& at);
  void remove(NodeId id);
  void forget_address(const Node& node);

  std::unordered_map<NodeId, Group*> group_by_node_;
  std::multimap<std::pair<std::string, int>, NodeId> node_by_address_;
  std::unordered_map<std::uint64_t, NodeId> node_by_connection_;
  std::set<std::string> incomplete_;
  std::uint64_t roster_ = 0;
};

/// Dropped nodes that have not left yet included.
bool has_nodes(const Model& model, const std::string& formation);

Error no_such_formation(const std::string& name);

NodeView view_of(const Node& node);
/// Changes when a host that is known by its name was away and is back: the name may lead to another address now.
std::uint64_t address_epoch(const NodeRow& row);

/// decide()'s input. Awaited nodes are no part of it: their state is unknown.
GroupSnapshot snapshot(const Model& model, const Group& group);

/// Its silence is evidence: it is neither awaited from another monitor nor in maintenance.
inline bool should_report(const Node& node) {
  return !node.row.awaited && node.row.goal.state != NodeState::maintenance;
}

/// True when the node's Postgres should be running, as far as its goal and its last report tell.
bool may_expect_postgres(const Node& node);

}  // namespace autoctl::monitor
