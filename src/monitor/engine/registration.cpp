#include "monitor/engine/registration.h"

#include <algorithm>

#include "common/config/checks.h"
#include "monitor/engine/settings_values.h"

namespace autoctl::monitor {

namespace {

constexpr int port_max = 65'535;
constexpr int priority_max = 100;
constexpr GroupId group_max = 10'000;
constexpr std::size_t text_max = 63;
/// Ids count up from 1, and new ones come after the highest.
constexpr std::int64_t node_id_max = 1'000'000'000;
/// Each of them looks at each other one, and each evidence about one is a reason to look at all.
constexpr std::size_t nodes_per_group_max = 50;
/// And each decision in a Citus formation concerns all its groups.
constexpr std::size_t nodes_per_formation_max = 500;

Result<> check_words(const protocol::RegisterRequest& r) {
  const auto complain = [](const char* field, const std::string& why) {
    return fail(Errc::bad_usage, std::string(field) + ": " + why);
  };
  if (r.formation.empty()) return complain("formation", "it is empty");
  if (auto why = config::check_name(r.formation); !why.empty()) return complain("formation", why);
  if (auto why = config::check_node_name(r.name); !why.empty()) return complain("name", why);
  if (r.host.empty()) return complain("host", "it is empty");
  if (auto why = config::check_hostname(r.host); !why.empty()) return complain("host", why);
  if (auto why = config::check_name(r.region); !why.empty()) return complain("region", why);
  if (r.citus_cluster.empty()) return complain("citus_cluster", "it is empty");
  if (auto why = config::check_name(r.citus_cluster); !why.empty()) return complain("citus_cluster", why);
  if (auto why = config::check_ssl_mode(r.ssl_mode); !why.empty()) return complain("ssl_mode", why);
  if (r.dbname.empty() || r.dbname.size() > text_max) return complain("dbname", "it must have 1 to 63 characters");
  return {};
}

Result<> check_numbers(const protocol::RegisterRequest& r) {
  if (r.port < 1 || r.port > port_max) return fail(Errc::bad_usage, "port: it must be from 1 to 65535");
  if (r.api_port < 0 || r.api_port > port_max) return fail(Errc::bad_usage, "api_port: it must be from 0 to 65535");
  if (r.proxy_port < 0 || r.proxy_port > port_max)
    return fail(Errc::bad_usage, "proxy_port: it must be from 0 to 65535");
  if (r.candidate_priority < 0 || r.candidate_priority > priority_max)
    return fail(Errc::bad_usage, "candidate_priority: it must be from 0 to 100");
  if (r.group && (*r.group < 0 || *r.group > group_max))
    return fail(Errc::bad_usage, "group: it must be from 0 to 10000");
  return {};
}

Result<> check_kind(const protocol::RegisterRequest& r) {
  if (r.kind != "pgsql" && r.kind != "citus")
    return fail(Errc::bad_usage, "kind: '" + r.kind + "' is neither pgsql nor citus");
  const bool fits = r.kind == "pgsql" ? r.role == "postgres" : r.role == "coordinator" || r.role == "worker";
  if (!fits) return fail(Errc::bad_usage, "role: a " + r.kind + " formation has no nodes of role '" + r.role + "'");
  if (r.group && r.kind == "pgsql" && *r.group != 0)
    return fail(Errc::bad_usage, "group: a pgsql formation has group 0 only");
  if (r.group && r.kind == "citus" && (*r.group == 0) != (r.role == "coordinator"))
    return fail(Errc::bad_usage, "group: group 0 is the coordinator's, workers are in groups from 1 on");
  return {};
}

std::size_t nodes_in(const Model& model, const std::string& formation) {
  std::size_t count = 0;
  for (const auto& [key, group] : model.groups_of(formation)) count += group.nodes.size();
  return count;
}

bool may_have_secondaries(const Model& model, const std::string& formation) {
  const auto found = model.formations.find(formation);
  return found == model.formations.end() || found->second.settings.secondaries;
}

/// The group asked for; else 0, and for a worker the first group of one node (if that may have two) or a new one.
GroupId choose_group(const Model& model, const protocol::RegisterRequest& r) {
  const bool takes_standbys = may_have_secondaries(model, r.formation);
  if (r.group) return *r.group;
  if (r.role != "worker") return 0;
  GroupId candidate = 1;
  for (const auto& [key, group] : model.groups) {
    if (key.first != r.formation || key.second == 0) continue;
    const auto staying = std::ranges::count_if(
        group.nodes, [](const auto& node) { return node.second.row.goal.state != NodeState::dropped; });
    if (staying == 1 && takes_standbys) return key.second;
    candidate = std::max(candidate, key.second + 1);
  }
  return candidate;
}

/// node_1, node_2, … by id; in a Citus formation coord0a, coord0b, worker1a, … by order in the group.
std::string free_name(const Model& model, const protocol::RegisterRequest& r, GroupId group, NodeId id) {
  const auto taken = [&](const std::string& name) {
    return std::ranges::any_of(model.groups, [&](const auto& entry) {
      return entry.first.first == r.formation &&
             std::ranges::any_of(entry.second.nodes, [&](const auto& node) { return node.second.row.name == name; });
    });
  };
  if (r.kind == "citus") {
    const std::string start = (r.role == "coordinator" ? "coord" : "worker") + std::to_string(group);
    for (char letter = 'a'; letter <= 'z'; ++letter)
      if (!taken(start + letter)) return start + letter;
  }
  std::string name = "node_" + std::to_string(id.value);
  while (taken(name)) name += "_";
  return name;
}

Result<> check_unique(const Model& model, const protocol::RegisterRequest& r) {
  for (const auto& [key, group] : model.groups) {
    for (const auto& [id, node] : group.nodes) {
      if (r.former && r.former->id == id && node.row.awaited && key == GroupKey{r.formation, *r.group}) continue;
      if (r.former && r.former->id == id)
        return fail(Errc::conflict,
                    "node id " + std::to_string(id.value) + " is taken by " + node.row.name + " of formation '" +
                        key.first + "'",
                    "nodes keep their ids: let them come to a new monitor (`autoctl create monitor`)");
      const std::string drop = "if that is a leftover, drop it first: autoctl drop node --formation " + key.first +
                               " --name " + node.row.name;
      const std::string holder = "node " + std::to_string(id.value) + " (" + node.row.name + ", " + node.row.host +
                                 ":" + std::to_string(node.row.port) + ")";
      if (key.first == r.formation && !r.name.empty() && node.row.name == r.name)
        return fail(Errc::conflict, "the name '" + r.name + "' is taken by " + holder,
                    "choose another --name; " + drop);
      if (node.row.host == r.host && node.row.port == r.port)
        return fail(Errc::conflict, "the address " + r.host + ":" + std::to_string(r.port) + " is taken by " + holder,
                    drop);
    }
  }
  return {};
}

bool is_deserted(const Group& group) {
  return std::ranges::all_of(group.nodes,
                             [](const auto& entry) { return entry.second.row.goal.state == NodeState::dropped; });
}

Result<> check_data(const Group* group, const protocol::RegisterRequest& r) {
  const bool first = group == nullptr || is_deserted(*group);
  if (first && r.existing_standby && !r.former)
    return fail(Errc::conflict, "the first node of a group cannot be a standby",
                "create the primary's node first; a node that was dropped was left as a standby: to make its data the "
                "group's, remove standby.signal there");
  if (!first && r.system_id && group->row.system_id && r.system_id != group->row.system_id)
    return fail(Errc::conflict,
                "the data directory has system identifier " + std::to_string(r.system_id.value) + ", the group's is " +
                    std::to_string(group->row.system_id.value),
                "it belongs to another cluster: use an empty directory, or a copy of this group's data");
  return {};
}

Result<> check_secondaries(const Model& model, const Group* group, const protocol::RegisterRequest& r) {
  if (r.former || group == nullptr || is_deserted(*group) || may_have_secondaries(model, r.formation)) return {};
  return fail(Errc::conflict,
              "secondaries are disabled in formation '" + r.formation + "', and group " +
                  std::to_string(group->row.group) + " has a node already",
              "`autoctl enable secondary --formation " + r.formation + "` first" +
                  (r.role == "worker" ? ", or give the worker another --group" : ""));
}

/// What the registration makes of the formation's row. Others than `default` are made by operators, so that a slip of
/// the pen makes no second service; they are of the kind they were made with. The first node of
/// a formation says which database it is for, and of what kind `default` is, where that is not known yet.
Result<std::optional<FormationRow>> plan_formation(const Model& model, const protocol::RegisterRequest& r,
                                                   const Environment& env) {
  const auto found = model.formations.find(r.formation);
  if (found == model.formations.end() && r.formation != default_formation) return fail(no_such_formation(r.formation));
  FormationRow formation{.name = r.formation, .kind = r.kind, .replication_password = env.random_token()};
  if (found != model.formations.end()) formation = found->second;
  const bool first = !has_nodes(model, r.formation);
  if (first && r.formation == default_formation) formation.kind = r.kind;
  if (formation.kind != r.kind)
    return fail(Errc::conflict, "formation '" + r.formation + "' is of kind " + formation.kind,
                "a node of kind " + r.kind + " needs another --formation");
  if (!first) return std::nullopt;
  if (r.formation == default_formation || formation.dbname == FormationRow{}.dbname) formation.dbname = r.dbname;
  return formation;
}

/// The formation of nodes that come from another monitor: as they know it, and incomplete until all of them are here.
Result<std::optional<FormationRow>> plan_former_formation(const Model& model, const protocol::RegisterRequest& r) {
  const auto found = model.formations.find(r.formation);
  if (found == model.formations.end() || !has_nodes(model, r.formation)) {
    if (found != model.formations.end() && r.formation != default_formation && found->second.kind != r.kind)
      return fail(Errc::conflict, "formation '" + r.formation + "' is of kind " + found->second.kind,
                  "drop it: it is made as its nodes know it");
    return FormationRow{.name = r.formation,
                        .kind = r.kind,
                        .dbname = r.dbname,
                        .settings = from_stored(r.former->settings),
                        .replication_password = r.former->replication_password,
                        .incomplete = true};
  }
  const FormationRow& row = found->second;
  if (row.kind != r.kind || row.replication_password != r.former->replication_password)
    return fail(Errc::conflict, "this monitor has another formation '" + r.formation + "', with nodes of its own",
                "let the nodes come to a new monitor (`autoctl create monitor`)");
  return std::nullopt;
}

Result<> check_former(const protocol::RegisterRequest& r) {
  if (r.former->id.value < 1 || r.former->id.value > node_id_max)
    return fail(Errc::bad_usage, "former.id: it must be from 1 to " + std::to_string(node_id_max));
  if (r.former->replication_password.empty()) return fail(Errc::bad_usage, "former.replication_password: it is empty");
  if (r.name.empty()) return fail(Errc::bad_usage, "name: it is empty");
  if (!r.group) return fail(Errc::bad_usage, "group: it is missing");
  return {};
}

/// New nodes come after the formation's own.
Result<> check_complete(const Model& model, const protocol::RegisterRequest& r) {
  const auto found = model.formations.find(r.formation);
  if (found == model.formations.end() || !found->second.incomplete) return {};
  return fail(Errc::conflict, "formation '" + r.formation + "' waits for its own nodes",
              "new ones can join when `autoctl show state` says that all of them are here");
}

NodeRow new_node(const Model& model, const protocol::RegisterRequest& r, GroupId group) {
  NodeRow node;
  node.id = r.former ? r.former->id : NodeId{model.last_node.value + 1};
  node.awaited = r.former.has_value();
  node.formation = r.formation;
  node.group = group;
  node.name = r.name.empty() ? free_name(model, r, group, node.id) : r.name;
  node.host = r.host;
  node.port = r.port;
  node.api_port = r.api_port;
  node.role = r.role;
  node.region = r.region;
  node.ssl_mode = r.ssl_mode;
  node.candidate_priority = r.candidate_priority;
  node.replication_quorum = r.replication_quorum;
  node.citus_secondary = r.citus_secondary;
  node.citus_cluster = r.citus_cluster;
  node.proxy_port = r.proxy_port;
  node.verifier = r.verifier;
  return node;
}

/// What is known of a former node already: others have told where it is and what it was.
void take_over(const protocol::RegisterRequest& r, const Group* group, RegistrationPlan& plan) {
  if (group == nullptr) return;
  if (const auto known = group->nodes.find(plan.node.id); known != group->nodes.end()) {
    plan.node.goal = known->second.row.goal;
    plan.node.reported = known->second.row.reported;
    plan.node.epoch = known->second.row.epoch;
  }
  if (group->row.system_id || !r.system_id || plan.changed_group) return;
  plan.changed_group = group->row;
  plan.changed_group->system_id = r.system_id;
}

}  // namespace

Result<RegistrationPlan> plan_registration(const Model& model, const protocol::RegisterRequest& request,
                                           const Environment& env) {
  if (request.protocol != protocol::version)
    return fail(Errc::incompatible,
                "the node speaks protocol version " + std::to_string(request.protocol) + ", the monitor " +
                    std::to_string(protocol::version),
                "install the same version of autoctl on the monitor and on all nodes");
  AUTOCTL_TRY(check_words(request));
  AUTOCTL_TRY(check_numbers(request));
  AUTOCTL_TRY(check_kind(request));

  AUTOCTL_TRY(request.former ? check_former(request) : check_complete(model, request));
  AUTOCTL_TRY(check_unique(model, request));

  RegistrationPlan plan;
  auto formation = request.former ? plan_former_formation(model, request) : plan_formation(model, request, env);
  if (!formation) return fail(std::move(formation.error()));
  plan.changed_formation = *std::move(formation);
  const GroupId number = choose_group(model, request);
  const auto found = model.groups.find({request.formation, number});
  const Group* group = found == model.groups.end() ? nullptr : &found->second;
  AUTOCTL_TRY(check_secondaries(model, group, request));
  if (group != nullptr && group->nodes.size() >= nodes_per_group_max && !request.former)
    return fail(Errc::conflict,
                "group " + std::to_string(number) + " of formation '" + request.formation + "' has " +
                    std::to_string(group->nodes.size()) + " nodes, and no more can join it",
                "drop nodes that are gone: `autoctl show state` lists them");
  if (const std::size_t nodes = nodes_in(model, request.formation); nodes >= nodes_per_formation_max && !request.former)
    return fail(
        Errc::conflict,
        "formation '" + request.formation + "' has " + std::to_string(nodes) + " nodes, and no more can join it",
        "drop nodes that are gone: `autoctl show state` lists them");
  AUTOCTL_TRY(check_data(group, request));
  if (group == nullptr || is_deserted(*group)) {
    GroupRow row{.formation = request.formation, .group = number};
    if (group != nullptr) row.term = group->row.term;  // a term never goes back, also when all nodes were dropped
    row.system_id = request.system_id;
    plan.changed_group = row;
  }
  plan.node = new_node(model, request, number);
  if (request.former) take_over(request, group, plan);
  return plan;
}

}  // namespace autoctl::monitor
