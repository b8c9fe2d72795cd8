#include "common/protocol/protocol.h"

#include <nlohmann/json.hpp>

#include "common/protocol/codec.h"
#include "common/protocol/json_text.h"
#include "common/protocol/trust_fields.h"

namespace autoctl::protocol {

namespace codec {

/// Of one report. A keeper keeps no more of it (keeper/core/correspondence.cpp).
constexpr std::size_t news_max = 100;
/// Starts of a keeper while the monitor is away: it forgets some when there are more (keeper/core/instance_chain.cpp).
constexpr std::size_t former_max = 100;
/// What the monitor shows: as much as there is.
constexpr std::size_t shown_max = 1'000'000;

// One list per struct, read by Writer (const struct) and Reader alike. `required` fields have no sensible default. A text
// says what it may hold.

void fields(auto&& field, Of<SyncQuorum> auto& v) {
  field("acks", v.acks);
  field("voters", v.voters);
}

void fields(auto&& field, Of<Goal> auto& v) {
  field("state", v.state);
  field("term", v.term);
  field("upstream", v.upstream);
  field("sync", v.sync);
  field("fence", v.fence);
  field("checkpoint", v.checkpoint);
  field("await_lsn", v.await_lsn);
  field("keep_history", v.keep_history);
  field("fresh_copy", v.fresh_copy);
}

void fields(auto&& field, Of<HistoryEntry> auto& v) {
  field("timeline", v.timeline);
  field("switch_lsn", v.switch_lsn);
}

/// A stranger is `refused` to a monitor that knows no more.
void upstream_port(auto&& field, Of<PortState> auto& port) {
  PortState known = port == PortState::stranger ? PortState::refused : port;
  bool stranger = port == PortState::stranger;
  field("upstream_port", known);
  field("upstream_stranger", stranger);
  if constexpr (!std::is_const_v<std::remove_reference_t<decltype(port)>>)
    port = stranger && known == PortState::refused ? PortState::stranger : known;
}

void fields(auto&& field, Of<NodeFacts> auto& v) {
  field.required("state", v.state);
  field("term", v.term);
  field("postgres_running", v.postgres_running);
  field("in_recovery", v.in_recovery);
  field("cannot_run", v.cannot_run);
  field("cannot_write", v.cannot_write);
  field("forked", v.forked);
  field("trouble", v.trouble, rules::sentence);
  field("system_id", v.system_id);
  field("timeline", v.timeline);
  field("lsn", v.lsn);
  field("history", v.history);
  field("sync_in_force", v.sync_in_force);
  field("prepared_peers", v.prepared_peers);
  field("streaming", v.streaming);
  field("upstream", v.upstream);
  field("receiving", v.receiving);
  upstream_port(field, v.upstream_port);
  field("progress_percent", v.progress_percent);
}

void fields(auto&& field, Of<CitusNode> auto& v) {
  field("id", v.id);
  field("name", v.name, rules::node_name);
  field("host", v.host, rules::host);
  field("port", v.port);
  field("goal", v.goal);
  field("secondary", v.secondary);
  field("cluster", v.cluster, rules::name);
  field("suspected", v.suspected);
}

void fields(auto&& field, Of<CitusRoute> auto& v) {
  field("group", v.group);
  field("term", v.term);
  field("primary", v.primary);
  field("hold_for", v.hold_for);
  field("cooldown", v.cooldown);
  field("nodes", v.nodes);
}

void fields(auto&& field, Of<CitusPlan> auto& v) {
  field("routes", v.routes);
}

void fields(auto&& field, Of<CitusRouteFacts> auto& v) {
  field("group", v.group);
  field("routed_to", v.routed_to);
  field("held_for", v.held_for);
  field("trouble", v.trouble, rules::sentence);
}

void fields(auto&& field, Of<CitusFacts> auto& v) {
  field("ready", v.ready);
  field("routes", v.routes);
  field("drift", v.drift, rules::sentence);
}

void fields(auto&& field, Of<CitusDocument> auto& v) {
  field("formation", v.formation, rules::word);
  field("coordinator", v.coordinator);
  field("plan", v.plan);
  field("facts", v.facts);
}

void fields(auto&& field, Of<RegisterRequest> auto& v) {
  field("protocol", v.protocol);
  field("formation", v.formation, rules::name);
  field("kind", v.kind, rules::word);
  field("role", v.role, rules::word);
  field("group", v.group);
  field("name", v.name, rules::node_name);
  field.required("host", v.host, rules::host);
  field.required("port", v.port);
  field("api_port", v.api_port);
  field("dbname", v.dbname, rules::database);
  field("system_id", v.system_id);
  field("existing_standby", v.existing_standby);
  field("candidate_priority", v.candidate_priority);
  field("replication_quorum", v.replication_quorum);
  field("region", v.region, rules::name);
  field("ssl_mode", v.ssl_mode, rules::word);
  field("citus_secondary", v.citus_secondary);
  field("citus_cluster", v.citus_cluster, rules::name);
  field("proxy_port", v.proxy_port);
  field("former", v.former);
  field("csr", v.csr, rules::csr);
  field("verifier", v.verifier);
}

void fields(auto&& field, Of<RegisterAnswer> auto& v) {
  field("node", v.node);
  field("group", v.group);
  field("name", v.name, rules::node_name);
  field("token", v.token, rules::secret);
  field("monitor_id", v.monitor_id, rules::secret);
  field("replication_password", v.replication_password, rules::secret);
  field("goal", v.goal);
  field("dbname", v.dbname, rules::database);
  field("certificate", v.certificate, rules::pem);
  field("ca_pem", v.ca_pem, rules::pem);
}

void fields(auto&& field, Of<News> auto& v) {
  field.counter("number", v.number);
  field("text", v.text, rules::sentence);
}

void fields(auto&& field, Of<Report> auto& v) {
  field("protocol", v.protocol);
  field.counter("epoch", v.epoch);
  field.counter("sequence", v.sequence);
  field("wait", v.wait);
  field("known_version", v.known_version);
  field("host", v.host, rules::host);
  field("port", v.port);
  field("api_port", v.api_port);
  field("addresses", v.addresses);
  field("certificates", v.certificates);
  field("ssl_mode", v.ssl_mode, rules::word);
  field("verifier", v.verifier);
  field("trust", v.trust);
  field("pg_version", v.pg_version, rules::word);
  field("instance", v.instance);
  field.required("facts", v.facts);
  field("left", v.left);
  field("looked", v.looked);
  field("leased_until", v.leased_until);
  field("strict_lease", v.strict_lease);
  field("citus", v.citus);
  field("memory", v.memory);
  field("news", v.news, news_max);
}

void fields(auto&& field, Of<ShownCertificates> auto& v) {
  field("postgres", v.postgres, certificates_max);
  field("keeper", v.keeper, certificates_max);
}

void fields(auto&& field, Of<Peer> auto& v) {
  field("id", v.id);
  field("name", v.name, rules::node_name);
  field("host", v.host, rules::host);
  field("port", v.port);
  field("goal", v.goal);
  field("group", v.group);
  field("address_epoch", v.address_epoch);
  field("addresses", v.addresses);
  field("certificates", v.certificates, certificates_max);
  field("verifier", v.verifier);
  field("candidate_priority", v.candidate_priority);
}

void fields(auto&& field, Of<Standing> auto& v) {
  field("candidate_priority", v.candidate_priority);
  field("replication_quorum", v.replication_quorum);
  field("region", v.region, rules::name);
  field("settings", v.settings);
}

void fields(auto&& field, Of<FormerNode> auto& v) {
  field.required("id", v.id);
  field("replication_password", v.replication_password, rules::secret);
  field("settings", v.settings);
}

void fields(auto&& field, Of<Instance> auto& v) {
  field("id", v.id, rules::secret);
  field.counter("number", v.number);
  field("former", v.former, rules::secret, former_max);
  field.counter("confirmed", v.confirmed);
  field("place", v.place, rules::place);
}

void fields(auto&& field, Of<Memory> auto& v) {
  field.required("goal", v.goal);
  field("peers", v.peers);
  field("neighbours", v.neighbours);
}

void fields(auto&& field, Of<Assignment> auto& v) {
  field("monitor_id", v.monitor_id, rules::secret);
  field("version", v.version);
  field("lease", v.lease);
  field("lease_required", v.lease_required);
  field("strict_lease", v.strict_lease);
  field("check_upstream", v.check_upstream);
  field("heartbeat", v.heartbeat);
  field("goal", v.goal);
  field("peers", v.peers);
  field("neighbours", v.neighbours);
  field("citus", v.citus);
  field("standing", v.standing);
  field("trust", v.trust);
  field("notice", v.notice, rules::sentence);
}

void fields(auto&& field, Of<NodeDocument> auto& v) {
  field("formation", v.formation, rules::word);
  field("group", v.group);
  field("id", v.id);
  field("name", v.name, rules::word);
  field("host", v.host, rules::sentence);
  field("kind", v.kind, rules::word);
  field("role", v.role, rules::word);
  field("region", v.region, rules::word);
  field("port", v.port);
  field("api_port", v.api_port);
  field("reported", v.reported);
  field("assigned", v.assigned);
  field("health", v.health, rules::word);
  field("health_reason", v.health_reason, rules::sentence);
  field("connection", v.connection, rules::word);
  field("timeline", v.timeline);
  field("lsn", v.lsn);
  field("history", v.history);
  field("lineage", v.lineage, rules::word);
  field("candidate_priority", v.candidate_priority);
  field("replication_quorum", v.replication_quorum);
  field("electable", v.electable);
  field("not_electable_because", v.not_electable_because, rules::sentence);
  field("trouble", v.trouble, rules::sentence);
  field("ssl_mode", v.ssl_mode, rules::word);
  field("progress_percent", v.progress_percent);
  field("report_age_ms", v.report_age_ms);
  field("pg_version", v.pg_version, rules::word);
  field("twin", v.twin, rules::sentence);
  field("citus_cluster", v.citus_cluster, rules::word);
  field("trust", v.trust);
}

void fields(auto&& field, Of<GroupDocument> auto& v) {
  field("formation", v.formation, rules::word);
  field("group", v.group);
  field("term", v.term);
  field("quorum_confirmed", v.quorum_confirmed);
  field("quorum_assigned", v.quorum_assigned);
  field("waiting_for", v.waiting_for, rules::sentence);
}

void fields(auto&& field, Of<FormationDocument> auto& v) {
  field("name", v.name, rules::name);
  field("kind", v.kind, rules::word);
  field("dbname", v.dbname, rules::database);
  field("number_sync_standbys", v.number_sync_standbys);
  field("paused", v.paused);
  field("secondaries", v.secondaries);
}

void fields(auto&& field, Of<StateDocument> auto& v) {
  field("monitor_id", v.monitor_id, rules::word);
  field("monitor_version", v.monitor_version, rules::word);
  field("store_available", v.store_available);
  field("trusts_itself", v.trusts_itself);
  field("overload", v.overload, rules::sentence);
  field("trust", v.trust);
  field("trust_change", v.trust_change, rules::sentence);
  field("formations", v.formations, shown_max);
  field("groups", v.groups, shown_max);
  field("nodes", v.nodes, shown_max);
  field("citus", v.citus, shown_max);
}

void fields(auto&& field, Of<ExplanationDocument::Other> auto& v) {
  field("name", v.name, rules::word);
  field("why_not", v.why_not, rules::sentence);
}

void fields(auto&& field, Of<ExplanationDocument> auto& v) {
  field("formation", v.formation, rules::word);
  field("group", v.group);
  field("primary", v.primary, rules::word);
  field("would_win", v.would_win, rules::word);
  field("explanation", v.explanation, rules::prose);
  field("others", v.others, shown_max);
}

void fields(auto&& field, Of<ExplanationsDocument> auto& v) {
  field("groups", v.groups, shown_max);
}

void fields(auto&& field, Of<EventDocument> auto& v) {
  field("id", v.id);
  field("time", v.time, rules::word);
  field("formation", v.formation, rules::word);
  field("group", v.group);
  field("node", v.node);
  field("node_name", v.node_name, rules::word);
  field("host", v.host, rules::sentence);
  field("port", v.port);
  field("reported", v.reported);
  field("assigned", v.assigned);
  field("term", v.term);
  field("kind", v.kind, rules::word);
  field("rule", v.rule, rules::word);
  field("description", v.description, rules::prose);
  field("who", v.who, rules::sentence);
  field("from", v.from, rules::word);
  field("reason", v.reason, rules::sentence);
}

void fields(auto&& field, Of<EventsDocument> auto& v) {
  field("events", v.events, shown_max);
  field("last_id", v.last_id);
}

void fields(auto&& field, Of<OperationRequest> auto& v) {
  field.required("kind", v.kind, rules::word);
  field("formation", v.formation, rules::word);
  field("group", v.group);
  field("name", v.name, rules::word);
  field("allow_failover", v.allow_failover);
  field("timeline", v.timeline);
  field("reason", v.reason, rules::reason);
}

void fields(auto&& field, Of<OperationDocument> auto& v) {
  field("id", v.id);
  field("kind", v.kind, rules::word);
  field("formation", v.formation, rules::word);
  field("group", v.group);
  field("status", v.status, rules::word);
  field("message", v.message, rules::prose);
  field("first_event", v.first_event);
}

void fields(auto&& field, Of<SettingsDocument> auto& v) {
  field("formation", v.formation, rules::word);
  field("values", v.values);
}

void fields(auto&& field, Of<ErrorDocument> auto& v) {
  field("code", v.code, rules::word);
  field("message", v.message, rules::prose);
  field("hint", v.hint, rules::prose);
}

}  // namespace codec

AUTOCTL_PROTOCOL_TYPES(AUTOCTL_JSON_VALUE)

AUTOCTL_PROTOCOL_TYPES(AUTOCTL_JSON_TEXT)
AUTOCTL_PROTOCOL_FSM_TYPES(AUTOCTL_JSON_TEXT)

}  // namespace autoctl::protocol

namespace autoctl {

AUTOCTL_PROTOCOL_FSM_TYPES(AUTOCTL_JSON_VALUE)

}  // namespace autoctl
