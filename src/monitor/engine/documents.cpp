#include "monitor/engine/documents.h"

#include "common/util/version.h"
#include "monitor/engine/citus_plan.h"
#include "monitor/engine/incomplete.h"
#include "monitor/engine/twins.h"
#include "monitor/fsm/election.h"

namespace autoctl::monitor {

namespace {

std::string connection_of(const Node& node) {
  const bool gone = node.health.verdict == Verdict::dead || node.health.verdict == Verdict::unreachable;
  if (!node.reported || !node.facts.postgres_running || gone) return "none";
  return node.facts.in_recovery ? "read-only" : "read-write";
}

protocol::NodeDocument node_document(const Node& node, const GroupSnapshot& group, const std::string& kind,
                                     TimePoint now) {
  protocol::NodeDocument document;
  document.formation = node.row.formation;
  document.group = node.row.group;
  document.id = node.row.id;
  document.name = node.row.name;
  document.host = node.row.host;
  document.kind = kind;
  document.role = node.row.role;
  document.region = node.row.region;
  document.port = node.row.port;
  document.api_port = node.row.api_port;
  document.reported = node.row.reported;
  document.assigned = node.row.goal.state;
  document.health = std::string(to_string(node.health.verdict));
  document.health_reason = node.health.why;
  document.connection = connection_of(node);
  document.timeline = node.facts.timeline;
  document.lsn = node.facts.lsn;
  document.history = node.facts.history;
  document.lineage = lineage_of(group, view_of(node));
  document.candidate_priority = node.row.candidate_priority;
  document.replication_quorum = node.row.replication_quorum;
  const auto why = why_not_electable(group, view_of(node));
  document.electable = !why;
  document.not_electable_because = why.value_or("");
  document.trouble = node.facts.trouble;
  document.ssl_mode = node.row.ssl_mode;
  document.progress_percent = node.facts.progress_percent;
  if (node.seen.last_report && !node.row.awaited)  // else it told this monitor something before it left
    document.report_age_ms = std::chrono::duration_cast<Millis>(now - *node.seen.last_report).count();
  document.pg_version = node.row.pg_version;
  document.twin = twin_of(node, now);
  document.citus_cluster = node.row.citus_cluster;
  document.trust = node.trust;
  return document;
}

void add_group(protocol::StateDocument& state, const Model& model, const Group& group, TimePoint now) {
  const GroupSnapshot view = snapshot(model, group);
  state.groups.push_back({.formation = group.row.formation,
                          .group = group.row.group,
                          .term = group.row.term,
                          .quorum_confirmed = group.row.quorum_confirmed,
                          .quorum_assigned = group.row.quorum_assigned,
                          .waiting_for = is_incomplete(model, group)
                                             ? why_incomplete(model, group.row.formation)
                                             : waiting_for(view, model.settings_of(group), now)});
  if (const std::string missing = missing_coordinator(model, group); !missing.empty() && !group.nodes.empty()) {
    std::string& text = state.groups.back().waiting_for;
    text += (text.empty() ? "" : "; ") + missing;
  }
  const std::string& kind = model.formations.at(group.row.formation).kind;
  for (const auto& [id, node] : group.nodes) state.nodes.push_back(node_document(node, view, kind, now));
}

}  // namespace

protocol::FormationDocument formation_document(const FormationRow& row) {
  return {.name = row.name,
          .kind = row.kind,
          .dbname = row.dbname,
          .number_sync_standbys = row.settings.number_sync_standbys,
          .paused = row.settings.paused,
          .secondaries = row.settings.secondaries};
}

protocol::OperationDocument operation_document(const OperationRow& operation) {
  return {.id = operation.id,
          .kind = std::string(to_string(operation.kind)),
          .formation = operation.formation,
          .group = operation.group,
          .status = std::string(to_string(operation.status)),
          .message = operation.message,
          .first_event = operation.first_event};
}

Result<protocol::StateDocument> state_document(const Model& model, const std::string& formation,
                                               std::optional<GroupId> group, bool store_available, TimePoint now) {
  if (!formation.empty() && !model.formations.contains(formation)) return fail(no_such_formation(formation));
  protocol::StateDocument state;
  state.monitor_id = model.monitor_id;
  state.monitor_version = std::string(program_version);
  state.store_available = store_available;
  state.trusts_itself = model.trusts_itself;
  state.overload = model.overload;
  state.trust = model.trust;
  state.trust_change = model.trust_change;
  for (const auto& [name, row] : model.formations)
    if (formation.empty() || name == formation) state.formations.push_back(formation_document(row));
  for (const auto& [name, row] : model.formations)
    if (row.kind == "citus" && (formation.empty() || name == formation))
      state.citus.push_back(citus_document(model, name, now));
  for (const auto& [key, members] : model.groups)
    if ((formation.empty() || key.first == formation) && (!group || key.second == *group))
      add_group(state, model, members, now);
  return state;
}

}  // namespace autoctl::monitor
