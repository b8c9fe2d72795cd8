#include "monitor/store/rows.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <sstream>

#include "monitor/engine/settings_values.h"

namespace autoctl::monitor::rows {

namespace {

std::uint64_t unsigned_number(const pg::Rows& rows, int row, int column) {
  const std::string text = rows.text(row, column);
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// `what` names table, column and row.
tl::unexpected<Error> unknown_value(const std::string& what, const std::string& value) {
  return fail(Errc::incompatible, what + " is \"" + value + "\", which this version of autoctl does not know",
              "a newer version may have written it: install that one; nothing is decided from a store that is not "
              "understood");
}

Result<NodeState> state(const pg::Rows& rows, int row, int column, const std::string& what) {
  const std::string name = rows.text(row, column);
  if (const auto known = parse_node_state(name)) return *known;
  return unknown_value(what, name);
}

std::string text_of(bool value) {
  return value ? "true" : "false";
}

std::string text_of(const std::vector<IpAddress>& addresses) {
  std::string text;
  for (const IpAddress& address : addresses) text += (text.empty() ? "" : " ") + address.text();
  return text;
}

std::vector<IpAddress> addresses_in(const std::string& text) {
  std::vector<IpAddress> addresses;
  std::istringstream words(text);
  for (std::string word; words >> word;)
    if (auto address = IpAddress::parse(word)) addresses.push_back(*std::move(address));
  return addresses;
}

std::int64_t millis_of(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<Millis>(time.time_since_epoch()).count();
}

template <class T>
Result<T> json_column(const pg::Rows& rows, int row, int column, const std::string& what) {
  auto value = protocol::decode<T>(rows.text(row, column));
  if (!value) return fail(std::move(value.error()).with_context(what));
  return value;
}

}  // namespace

const char* const select_formations =
    "SELECT name, kind, dbname, settings::text, replication_password, incomplete FROM autoctl.formation ORDER BY name";
const char* const upsert_formation =
    "INSERT INTO autoctl.formation (name, kind, dbname, settings, replication_password, incomplete)"
    " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name)"
    " DO UPDATE SET kind = $2, dbname = $3, settings = $4, replication_password = $5, incomplete = $6";

FormationRow formation(const pg::Rows& rows, int row) {
  SettingValues values;
  const auto stored = nlohmann::json::parse(rows.text(row, 3), nullptr, false);
  if (stored.is_object())
    for (const auto& [name, value] : stored.items())
      if (value.is_string()) values.emplace_back(name, value.get<std::string>());
  return {rows.text(row, 0),   rows.text(row, 1), rows.text(row, 2),
          from_stored(values), rows.text(row, 4), rows.truth(row, 5)};
}

std::vector<pg::Param> params(const FormationRow& f) {
  nlohmann::json settings = nlohmann::json::object();
  for (const auto& [name, value] : to_values(f.settings)) settings[name] = value;
  return {f.name, f.kind, f.dbname, settings.dump(), f.replication_password, text_of(f.incomplete)};
}

const char* const select_groups =
    "SELECT formation, number, term, quorum_confirmed::text, quorum_assigned::text, system_id, primary_given_up"
    " FROM autoctl.\"group\""
    " ORDER BY formation, number";
const char* const upsert_group =
    "INSERT INTO autoctl.\"group\" (formation, number, term, quorum_confirmed, quorum_assigned, system_id,"
    " primary_given_up) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (formation, number)"
    " DO UPDATE SET term = $3, quorum_confirmed = $4, quorum_assigned = $5, system_id = $6, primary_given_up = $7";

Result<GroupRow> group(const pg::Rows& rows, int row) {
  const std::string place = " of formation " + rows.text(row, 0) + ", number " + rows.text(row, 1);
  auto confirmed = json_column<SyncQuorum>(rows, row, 3, "autoctl.group.quorum_confirmed" + place);
  auto assigned = json_column<SyncQuorum>(rows, row, 4, "autoctl.group.quorum_assigned" + place);
  if (!confirmed) return fail(std::move(confirmed.error()));
  if (!assigned) return fail(std::move(assigned.error()));
  return GroupRow{rows.text(row, 0),
                  static_cast<GroupId>(rows.number(row, 1)),
                  Term{unsigned_number(rows, row, 2)},
                  *std::move(confirmed),
                  *std::move(assigned),
                  SystemId{unsigned_number(rows, row, 5)},
                  rows.truth(row, 6)};
}

std::vector<pg::Param> params(const GroupRow& g) {
  return {g.formation,
          std::to_string(g.group),
          std::to_string(g.term.value),
          protocol::encode(g.quorum_confirmed),
          protocol::encode(g.quorum_assigned),
          std::to_string(g.system_id.value),
          text_of(g.primary_given_up)};
}

const char* const select_nodes =
    "SELECT id, formation, \"group\", name, host, port, api_port, role, region, ssl_mode, candidate_priority,"
    " replication_quorum, goal::text, reported, reported_term, pg_version, epoch, token_sha256,"
    " citus_secondary, citus_cluster, proxy_port, awaited, instance, instance_number, instance_place,"
    " addresses, verifier FROM autoctl.node ORDER BY id";
const char* const upsert_node =
    "INSERT INTO autoctl.node (id, formation, \"group\", name, host, port, api_port, role, region, ssl_mode,"
    " candidate_priority, replication_quorum, goal, reported, reported_term, pg_version, epoch, token_sha256,"
    " citus_secondary, citus_cluster, proxy_port, awaited, instance, instance_number, instance_place,"
    " addresses, verifier)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,"
    " $23, $24, $25, $26, $27)"
    " ON CONFLICT (id) DO UPDATE SET name = $4, host = $5, port = $6, api_port = $7, role = $8, region = $9,"
    " ssl_mode = $10, candidate_priority = $11, replication_quorum = $12, goal = $13, reported = $14,"
    " reported_term = $15, pg_version = $16, epoch = $17, token_sha256 = $18, citus_secondary = $19,"
    " citus_cluster = $20, proxy_port = $21, awaited = $22, instance = $23, instance_number = $24, instance_place = "
    "$25, addresses = $26, verifier = $27";

Result<NodeRow> node(const pg::Rows& rows, int row) {
  auto goal = json_column<Goal>(rows, row, 12, "autoctl.node.goal of id " + rows.text(row, 0));
  if (!goal) return fail(std::move(goal.error()));
  const auto reported = state(rows, row, 13, "autoctl.node.reported of id " + rows.text(row, 0));
  if (!reported) return fail(reported.error());
  NodeRow n;
  n.id = NodeId{rows.number(row, 0)};
  n.formation = rows.text(row, 1);
  n.group = static_cast<GroupId>(rows.number(row, 2));
  n.name = rows.text(row, 3);
  n.host = rows.text(row, 4);
  n.port = static_cast<int>(rows.number(row, 5));
  n.api_port = static_cast<int>(rows.number(row, 6));
  n.role = rows.text(row, 7);
  n.region = rows.text(row, 8);
  n.ssl_mode = rows.text(row, 9);
  n.candidate_priority = static_cast<int>(rows.number(row, 10));
  n.replication_quorum = rows.truth(row, 11);
  n.goal = *std::move(goal);
  n.reported = *reported;
  n.reported_term = Term{unsigned_number(rows, row, 14)};
  n.pg_version = rows.text(row, 15);
  n.epoch = unsigned_number(rows, row, 16);
  n.token_sha256 = rows.text(row, 17);
  n.citus_secondary = rows.truth(row, 18);
  n.citus_cluster = rows.text(row, 19);
  n.proxy_port = static_cast<int>(rows.number(row, 20));
  n.awaited = rows.truth(row, 21);
  n.instance = {rows.text(row, 22), unsigned_number(rows, row, 23), rows.text(row, 24)};
  n.addresses = addresses_in(rows.text(row, 25));
  n.verifier = ScramVerifier::parse(rows.text(row, 26)).value_or(ScramVerifier{});
  return n;
}

std::vector<pg::Param> params(const NodeRow& n) {
  return {std::to_string(n.id.value),
          n.formation,
          std::to_string(n.group),
          n.name,
          n.host,
          std::to_string(n.port),
          std::to_string(n.api_port),
          n.role,
          n.region,
          n.ssl_mode,
          std::to_string(n.candidate_priority),
          text_of(n.replication_quorum),
          protocol::encode(n.goal),
          std::string(to_string(n.reported)),
          std::to_string(n.reported_term.value),
          n.pg_version,
          std::to_string(n.epoch),
          n.token_sha256,
          text_of(n.citus_secondary),
          n.citus_cluster,
          std::to_string(n.proxy_port),
          text_of(n.awaited),
          n.instance.id,
          std::to_string(n.instance.number),
          n.instance.place,
          text_of(n.addresses),
          n.verifier.text()};
}

const char* const select_operations =
    "SELECT id, kind, formation, \"group\", target, status, message, first_event,"
    " (extract(epoch FROM requested_at) * 1000)::bigint, then_maintenance FROM autoctl.operation"
    " WHERE status = 'running' OR id > (SELECT max(id) - 100 FROM autoctl.operation) ORDER BY id";
const char* const upsert_operation =
    "INSERT INTO autoctl.operation (id, kind, formation, \"group\", target, status, message, first_event, requested_at,"
    " then_maintenance) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, to_timestamp($9::bigint / 1000.0), $10)"
    " ON CONFLICT (id) DO UPDATE SET kind = $2, target = $5, status = $6, message = $7,"
    " requested_at = to_timestamp($9::bigint / 1000.0), then_maintenance = $10";

Result<OperationRow> operation(const pg::Rows& rows, int row) {
  const std::string place = " of id " + rows.text(row, 0);
  const auto kind = parse_operation_kind(rows.text(row, 1));
  if (!kind) return unknown_value("autoctl.operation.kind" + place, rows.text(row, 1));
  const auto status = parse_operation_status(rows.text(row, 5));
  if (!status) return unknown_value("autoctl.operation.status" + place, rows.text(row, 5));
  OperationRow o;
  o.id = rows.number(row, 0);
  o.kind = *kind;
  o.formation = rows.text(row, 2);
  o.group = static_cast<GroupId>(rows.number(row, 3));
  o.target = NodeId{rows.number(row, 4)};
  o.status = *status;
  o.message = rows.text(row, 6);
  o.first_event = rows.number(row, 7);
  o.requested_at = std::chrono::system_clock::time_point(Millis{rows.number(row, 8)});
  o.then_maintenance = NodeId{rows.number(row, 9)};
  return o;
}

std::vector<pg::Param> params(const OperationRow& o) {
  return {std::to_string(o.id),
          std::string(to_string(o.kind)),
          o.formation,
          std::to_string(o.group),
          std::to_string(o.target.value),
          std::string(to_string(o.status)),
          o.message,
          std::to_string(o.first_event),
          std::to_string(millis_of(o.requested_at)),
          std::to_string(o.then_maintenance.value)};
}

const char* const select_tokens =
    "SELECT id, role, formations::text, \"group\", sha256, nodes_left, revoked, made_by,"
    " (extract(epoch FROM made_at) * 1000)::bigint, (extract(epoch FROM expires_at) * 1000)::bigint, label"
    " FROM autoctl.token ORDER BY id";
const char* const upsert_token =
    "INSERT INTO autoctl.token (id, role, formations, \"group\", sha256, nodes_left, revoked, made_by, made_at, "
    "expires_at, label)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, to_timestamp($9::bigint / 1000.0), to_timestamp($10::bigint / 1000.0),"
    " $11) ON CONFLICT (id) DO UPDATE SET formations = $3, nodes_left = $6, revoked = $7";

TokenRow token(const pg::Rows& rows, int row) {
  TokenRow t;
  t.id = rows.number(row, 0);
  t.role = rows.text(row, 1);
  const auto stored = nlohmann::json::parse(rows.text(row, 2), nullptr, false);
  if (stored.is_array())
    for (const auto& name : stored)
      if (name.is_string()) t.formations.push_back(name.get<std::string>());
  if (!rows.text(row, 3).empty()) t.group = static_cast<GroupId>(rows.number(row, 3));
  t.sha256 = rows.text(row, 4);
  t.nodes_left = static_cast<int>(rows.number(row, 5));
  t.revoked = rows.truth(row, 6);
  t.made_by = rows.text(row, 7);
  t.made_at = std::chrono::system_clock::time_point(Millis{rows.number(row, 8)});
  t.expires_at = std::chrono::system_clock::time_point(Millis{rows.number(row, 9)});
  t.label = rows.text(row, 10);
  return t;
}

std::vector<pg::Param> params(const TokenRow& t) {
  return {std::to_string(t.id),
          t.role,
          nlohmann::json(t.formations).dump(),
          t.group ? pg::Param(std::to_string(*t.group)) : pg::Param(),
          t.sha256,
          std::to_string(t.nodes_left),
          text_of(t.revoked),
          t.made_by,
          std::to_string(millis_of(t.made_at)),
          std::to_string(millis_of(t.expires_at)),
          t.label};
}

const char* const event_columns =
    "id, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), formation, \"group\", node, node_name, "
    "host,"
    " port, reported, assigned, term, kind, rule, description, who, origin, reason";
const char* const insert_event =
    "INSERT INTO autoctl.event (id, at, formation, \"group\", node, node_name, host, port, reported, assigned, term, "
    "kind,"
    " rule, description, who, origin, reason)"
    " VALUES ($1, $2::timestamptz, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";

Result<protocol::EventDocument> event(const pg::Rows& rows, int row) {
  const auto reported = state(rows, row, 8, "autoctl.event.reported of id " + rows.text(row, 0));
  const auto assigned = state(rows, row, 9, "autoctl.event.assigned of id " + rows.text(row, 0));
  if (!reported) return fail(reported.error());
  if (!assigned) return fail(assigned.error());
  protocol::EventDocument e;
  e.id = rows.number(row, 0);
  e.time = rows.text(row, 1);
  e.formation = rows.text(row, 2);
  e.group = static_cast<GroupId>(rows.number(row, 3));
  e.node = NodeId{rows.number(row, 4)};
  e.node_name = rows.text(row, 5);
  e.host = rows.text(row, 6);
  e.port = static_cast<int>(rows.number(row, 7));
  e.reported = *reported;
  e.assigned = *assigned;
  e.term = Term{unsigned_number(rows, row, 10)};
  e.kind = rows.text(row, 11);
  e.rule = rows.text(row, 12);
  e.description = rows.text(row, 13);
  e.who = rows.text(row, 14);
  e.from = rows.text(row, 15);
  e.reason = rows.text(row, 16);
  return e;
}

std::vector<pg::Param> params(const protocol::EventDocument& e) {
  return {std::to_string(e.id),
          e.time,
          e.formation,
          std::to_string(e.group),
          std::to_string(e.node.value),
          e.node_name,
          e.host,
          std::to_string(e.port),
          std::string(to_string(e.reported)),
          std::string(to_string(e.assigned)),
          std::to_string(e.term.value),
          e.kind,
          e.rule,
          e.description,
          e.who,
          e.from,
          e.reason};
}

}  // namespace autoctl::monitor::rows
