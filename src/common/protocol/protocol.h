// What crosses the wire between monitor, keepers and CLI: JSON bodies as structs. docs/api.md shows them.
//
//   POST   /v1/register              RegisterRequest   -> RegisterAnswer     join token; operator's credential
//   POST   /v1/nodes/{id}/report     Report            -> Assignment         node's credential; held open if `wait`
//   PATCH  /v1/nodes/{id}            SettingsDocument  -> SettingsDocument   operator's credential
//   DELETE /v1/nodes/{id}                              -> {}                 operator's or that node's credential;
//                                                                            `instance`: the links that the caller has
//   POST   /v1/nodes/{id}/leave                        -> {}                 the same; the node leaves this monitor
//   POST   /v1/formations            FormationDocument -> FormationDocument  operator's credential
//   GET    /v1/state                                   -> StateDocument
//   GET    /v1/explain                                 -> ExplanationsDocument
//   GET    /v1/events                                  -> EventsDocument     held open up to `wait_ms` if there is none
//   GET    /v1/settings                                -> SettingsDocument
//   PATCH  /v1/settings              SettingsDocument  -> SettingsDocument   operator's credential
//   POST   /v1/operations            OperationRequest  -> OperationDocument  operator's credential
//   GET    /v1/operations/{id}                         -> OperationDocument  held open up to `wait_ms` while it runs
//   GET    /healthz, /v1/version                                             no credential. More: tokens.h, certificates.h
//
// Every error is a 4xx or 5xx with {"error": {"code", "message", "hint"}}.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/fsm/goal.h"
#include "common/fsm/types.h"
#include "common/protocol/certificates.h"
#include "common/protocol/citus.h"
#include "common/protocol/membership.h"
#include "common/util/result.h"

// The contents of Goal and NodeFacts cross the wire too, and go into the keeper's state file.
#define AUTOCTL_PROTOCOL_FSM_TYPES(X) X(SyncQuorum) X(Goal) X(HistoryEntry) X(NodeFacts)
namespace autoctl {
#define X(T)                                   \
  void to_json(nlohmann::json& j, const T& v); \
  void from_json(const nlohmann::json& j, T& v);
AUTOCTL_PROTOCOL_FSM_TYPES(X)
#undef X
}  // namespace autoctl

namespace autoctl::protocol {

/// Monitor and keeper work together only if these are equal; otherwise both say so (Errc::incompatible, HTTP 426).
inline constexpr int version = 1;

struct RegisterRequest {
  int protocol = version;
  std::string formation = "default";
  std::string kind = "pgsql";     // pgsql, citus
  std::string role = "postgres";  // postgres, coordinator, worker
  std::optional<GroupId> group;   // nullopt: the monitor chooses (0 in a plain formation)
  std::string name;               // empty: the monitor chooses one, node_1, …
  std::string host;
  int port = 0;      // Postgres'
  int api_port = 0;  // the keeper's own
  std::string dbname = "postgres";
  SystemId system_id;             // of existing data; 0 = empty directory
  bool existing_standby = false;  // existing data with standby.signal: may not open a group
  int candidate_priority = 50;
  bool replication_quorum = true;
  std::string region;
  std::string ssl_mode = "prefer";        // what clients put into their URI
  bool citus_secondary = false;           // register it as a secondary in pg_dist_node while it is a standby
  std::string citus_cluster = "default";  // pg_dist_node.nodecluster
  int proxy_port = 0;                     // in pg_dist_node instead of `port`; 0 = none
  std::optional<FormerNode> former;       // it comes from another monitor and keeps its state
  std::string csr;                        // PEM: a certificate of the monitor's authority is wanted; empty: none
  ScramVerifier verifier;                 // Peer::verifier
};

struct RegisterAnswer {
  NodeId node;
  GroupId group = 0;
  std::string name;
  std::string token;                 // the node's credential; shown once, stored hashed
  std::string monitor_id;            // the monitor's identity; a keeper obeys no other
  std::string replication_password;  // the formation's secret; of role pgautofailover_replicator while that may log in
  Goal goal;                         // single: initialise; wait_standby: wait
  std::string dbname;                // the formation's
  std::string certificate;           // PEM, issued to standby_name(node); empty: none was wanted
  std::string ca_pem;                // whom the node is to trust then, and who is to trust it
};

/// A node's credential that begins so counts only together with the node's certificate. No other credential begins so.
inline constexpr std::string_view certified_prefix = "cert.";

/// Something that happened on a node and belongs in the event log.
struct News {
  std::uint64_t number = 0;  // grows within an epoch
  std::string text;
};

struct Report {
  int protocol = version;
  std::uint64_t epoch = 0;          // grows with each start of the keeper
  std::uint64_t sequence = 0;       // grows with each report of one epoch; an older one is refused (409)
  bool wait = false;                // hold the answer until there is something to do, or the heartbeat interval is over
  std::uint64_t known_version = 0;  // Assignment::version the keeper has; a newer one is something to do
  std::string host;                 // may change when the node moves
  int port = 0;
  int api_port = 0;
  std::optional<std::vector<IpAddress>>
      addresses;  // from which it connects to the others, addresses_max at most; nullopt: not known yet
  std::optional<ShownCertificates> certificates;  // nullopt: not known yet
  std::string ssl_mode;                           // RegisterRequest's, as a reload has changed it; empty: not told
  ScramVerifier verifier;                         // Peer::verifier
  TrustFacts trust;
  std::string pg_version;  // "15.4"
  Instance instance;
  NodeFacts facts;
  // On the keeper's own monotonic clock, for the monitor to compare with each other.
  Millis left{0};                   // when this report left
  Millis looked{0};                 // when its keeper began to look at what `facts` says of a running Postgres
  Millis leased_until{0};           // the end of its lease, as far as it has heard
  bool strict_lease = false;        // it keeps Assignment::strict_lease, and has saved that
  std::optional<CitusFacts> citus;  // from a coordinator group's primary
  std::optional<Memory> memory;     // until the keeper has its first answer
  std::vector<News> news;           // each until a report with it was answered
};

struct Assignment {
  std::string monitor_id;
  std::uint64_t version = 0;  // changes whenever anything below `lease` does
  Millis lease{0};            // counted from when the request left; 0 = no lease is granted (report refused or no need)
  bool lease_required = false;  // another node could be elected: without a lease and a streaming standby, stop
  bool strict_lease = false;    // without a lease stop in any case: a node may be elected that does not fence this one
  bool check_upstream =
      false;  // look now: a standby at its WAL receiver and its primary's port, a primary at its WAL senders
  Millis heartbeat{1000};
  Goal goal;
  std::vector<Peer> peers;         // the group's other nodes, without dropped ones
  std::vector<Peer> neighbours;    // nodes of a Citus formation's other groups: Postgres has to let them in
  std::optional<CitusPlan> citus;  // for a coordinator group's primary
  Standing standing;
  TrustGoal trust;
  std::string notice;  // for the keeper's log, when it changes: what this node is waiting for
};

struct NodeDocument {
  std::string formation;
  GroupId group = 0;
  NodeId id;
  std::string name, host, kind, role, region;
  int port = 0, api_port = 0;
  NodeState reported = NodeState::init, assigned = NodeState::init;
  std::string health;  // healthy, suspected, unreachable, dead
  std::string health_reason;
  std::string connection;  // read-write, read-only, none
  Timeline timeline;
  Lsn lsn;
  std::vector<HistoryEntry> history;  // ancestors of `timeline`, oldest first
  std::string lineage;                // its history is the primary's: primary, follows, forked, unknown
  int candidate_priority = 50;
  bool replication_quorum = true;
  bool electable = false;
  std::string not_electable_because;
  std::string trouble;
  std::string ssl_mode;
  int progress_percent = -1;
  std::int64_t report_age_ms = -1;  // since its last report; -1 = none since the monitor started
  std::string pg_version;
  std::string twin;  // another process that says to be this node, and is refused, in one sentence; empty: none
  std::string citus_cluster = "default";  // pg_dist_node.nodecluster
  TrustFacts trust;
};

struct GroupDocument {
  std::string formation;
  GroupId group = 0;
  Term term;
  SyncQuorum quorum_confirmed, quorum_assigned;
  std::string waiting_for;  // what the group is waiting for, one sentence; empty when all is well
};

struct FormationDocument {
  std::string name;
  std::string kind = "pgsql";
  std::string dbname = "postgres";
  int number_sync_standbys = 0;
  bool paused = false;      // nothing is decided by itself in it
  bool secondaries = true;  // false: one node for each group
};

struct StateDocument {
  std::string monitor_id, monitor_version;
  bool store_available = true;  // false: the monitor's Postgres is down; answers are from memory and nothing is decided
  bool trusts_itself = true;
  std::string overload;  // what the monitor has no time for, one sentence; empty when it keeps up
  TrustGoal trust;
  std::string trust_change;  // which change of its authority is under way and what it waits for; empty: none
  std::vector<FormationDocument> formations;
  std::vector<GroupDocument> groups;
  std::vector<NodeDocument> nodes;
  std::vector<CitusDocument> citus;  // one for each Citus formation
};

/// Who would be the primary of a group if the one there is were lost now, and why not the others.
struct ExplanationDocument {
  struct Other {
    std::string name;
    std::string why_not;
  };
  std::string formation;
  GroupId group = 0;
  std::string primary;      // empty: there is none
  std::string would_win;    // empty: no node would take over
  std::string explanation;  // one sentence
  std::vector<Other> others;
};

struct ExplanationsDocument {
  std::vector<ExplanationDocument> groups;
};

struct EventDocument {
  std::int64_t id = 0;
  std::string time;  // ISO 8601, UTC, milliseconds
  std::string formation;
  GroupId group = 0;
  NodeId node;  // 0: about the group
  std::string node_name, host;
  int port = 0;
  NodeState reported = NodeState::init, assigned = NodeState::init;
  Term term;
  std::string kind;         // goal (the monitor assigned), report (a node reached), operator, monitor
  std::string rule;         // of the decision, or empty
  std::string description;  // the reason, with the facts
  // Of what somebody did: who, from which address, and why.
  std::string who, from, reason;
};

struct EventsDocument {
  std::vector<EventDocument> events;  // oldest first
  std::int64_t last_id = 0;
};

struct OperationRequest {
  /// switchover (perform failover is the same), promotion, maintenance, end_maintenance, …: docs/api.md
  std::string kind = "switchover";
  std::string formation = "default";
  std::optional<GroupId> group;
  std::string name;             // promotion, maintenance: the node; accept_timeline: where two have that timeline
  bool allow_failover = false;  // maintenance: of the primary, too; it hands over first
  Timeline timeline;            // accept_timeline: which
  std::string reason;           // the operator's, for the event log
};

struct OperationDocument {
  std::int64_t id = 0;
  std::string kind, formation;
  GroupId group = 0;
  std::string status;  // running, done, failed
  std::string message;
  std::int64_t first_event = 0;  // events of this operation come after this id
};

/// A formation's settings by their names in monitor::Settings; durations in milliseconds.
struct SettingsDocument {
  std::string formation = "default";
  std::vector<std::pair<std::string, std::string>> values;  // name, value; PATCH: only those to change
};

struct ErrorDocument {
  std::string code, message, hint;
};

// nlohmann::json conversions for all of the above. from_json throws std::exception with a message that names the field:
// inside a module only; decode() does not throw.
// clang-format off
#define AUTOCTL_PROTOCOL_TYPES(X) \
  X(CitusNode) X(CitusRoute) X(CitusPlan) X(CitusRouteFacts) X(CitusFacts) X(CitusDocument) X(RegisterRequest) \
  X(RegisterAnswer) X(Report) X(FormerNode) X(News) X(Memory) X(Instance) X(Peer) X(ShownCertificates) X(Standing) X(Assignment) \
  X(NodeDocument) X(GroupDocument) X(FormationDocument) X(StateDocument) X(ExplanationDocument) X(ExplanationsDocument) \
  X(EventDocument) X(EventsDocument) X(OperationRequest) X(OperationDocument) X(SettingsDocument) X(ErrorDocument)
// clang-format on
#define X(T)                                   \
  void to_json(nlohmann::json& j, const T& v); \
  void from_json(const nlohmann::json& j, T& v);
AUTOCTL_PROTOCOL_TYPES(X)
#undef X

/// One line of JSON.
template <class T>
std::string encode(const T& value);
/// For every type above, SyncQuorum, Goal, HistoryEntry and NodeFacts. Errors: bad_usage, naming the field that is
/// missing or of the wrong type; incompatible when a request's `protocol` is not ours. Unknown fields are ignored;
/// depth is bounded; what is missing or null keeps its default, but for RegisterRequest.host and port, NodeFacts.state
/// and OperationRequest.kind.
template <class T>
Result<T> decode(const std::string& text);

/// HTTP status <-> Errc, defined for every value in both directions.
int http_status(Errc code);
std::string encode_error(const Error& error);
/// The Error that a non-2xx answer carries; made from the status if the body has none.
Error decode_error(int status, const std::string& body);

std::string_view to_string(Errc code);

}  // namespace autoctl::protocol
