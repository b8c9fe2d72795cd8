#include "citus.h"

#include <algorithm>

namespace autoctl::simulator {

namespace {

/// A router that waits for the commit of another group's move does not hear that a hold is no longer wanted.
constexpr Micros hold_bound = seconds(10);
/// The monitor may decide on a report that is as old as that: it was frozen, or a report was long on its way.
constexpr Micros hold_is_remembered = seconds(30);

}  // namespace

Citus::Citus(Kernel& kernel, Servers& servers, std::vector<Keeper>& keepers, PretendedStore& store,
             const Grouping& grouping, Lie lie)
    : kernel_(kernel), servers_(servers), keepers_(keepers), grouping_(grouping), lie_(std::move(lie)) {
  served_.resize(static_cast<std::size_t>(grouping.groups()));
  if (!grouping.citus()) return;
  for (int formation = 0; formation < grouping.formations(); ++formation) {
    const int group = formation * grouping.groups_of_formation();
    tables_.emplace_back(servers_);
    for (int place = 0; place < servers_.group_size(); ++place) {
      const int node = servers_.first_of(group) + place;
      routers_.emplace_back(kernel_, servers_, keepers_[static_cast<std::size_t>(node)], tables_.back(), lie_, node);
      routers_.back().hold_begins = [this, group](GroupId id) {
        if (hold_begins) hold_begins(group + id);
      };
    }
  }
  store.hand_over_begins = [this](int group) { judge_hand_over(group); };
}

std::size_t Citus::router_of(int node) const {
  const int formation = servers_.group_of(node) / grouping_.groups_of_formation();
  return static_cast<std::size_t>(formation * servers_.group_size() + servers_.place_of(node));
}

DistNode& Citus::table_of(int group) {
  return tables_[static_cast<std::size_t>(group / grouping_.groups_of_formation())];
}

const DistNode& Citus::table_of(int group) const {
  return tables_[static_cast<std::size_t>(group / grouping_.groups_of_formation())];
}

void Citus::look_at(int node, What what) {
  if (!coordinates(node)) return;
  PretendedRouter& router = routers_[router_of(node)];
  if (what == What::keeper_starts && keepers_[static_cast<std::size_t>(node)].alive()) router.start();
  router.look_at_keeper();
}

void Citus::look_at_all() {
  for (PretendedRouter& router : routers_) router.look_at_keeper();
}

// ---- the promises

void Citus::judge_plan(int node, const protocol::CitusPlan& plan) const {
  const int first = servers_.group_of(node);
  for (const auto& route : plan.routes) {
    const int group = first + route.group;
    if (route.primary && servers_.node_of(route.primary) != servers_.latest_writer(group))
      throw Violation{group, "the monitor names a node as the primary that is not the latest to be promoted"};
    if (route.hold_for && servers_.group_of(servers_.node_of(route.hold_for)) != group)
      throw Violation{group, "the statements are to wait for a node of another group"};
  }
}

/// Unless no statement can come: the coordinator has no row for the group, or has it for a moment only.
void Citus::judge_hand_over(int group) const {
  const int first = grouping_.first_of(group);
  const GroupId id = grouping_.id_of(group);
  if (id == 0) return;
  for (int place = 0; place < servers_.group_size(); ++place) {
    const int node = servers_.first_of(first) + place;
    if (!servers_.can_acknowledge(node)) continue;
    const auto since = table_of(group).row_since(node, id);
    if (!since || kernel_.now - *since < hold_is_remembered) return;
  }
  for (int place = 0; place < servers_.group_size(); ++place) {
    const PretendedRouter& router = routers_[router_of(servers_.first_of(first) + place)];
    const auto held = router.last_held(id);
    if (held && kernel_.now - *held < hold_is_remembered) return;
  }
  throw Violation{group, "a planned hand-over begins, and the statements are not held"};
}

bool Citus::is_wanted(const PretendedRouter& router, const PretendedRouter::Holding& holding) const {
  if (!router.duty()) return false;
  return std::ranges::any_of(router.duty()->routes, [&](const auto& route) {
    return route.group == holding.group && (route.hold_for == holding.target || route.primary == holding.target);
  });
}

void Citus::judge_holds() {
  for (std::size_t i = 0; i < routers_.size(); ++i) {
    const PretendedRouter& router = routers_[i];
    const auto holding = router.holding();
    for (GroupId id = 1; id < grouping_.groups_of_formation(); ++id) {
      const bool unwanted =
          std::ranges::any_of(holding, [&](const auto& hold) { return hold.group == id && !is_wanted(router, hold); });
      if (!unwanted || servers_.frozen(router.node())) {
        unwanted_since_.erase({i, id});
        continue;
      }
      const Micros since = unwanted_since_.try_emplace({i, id}, kernel_.now).first->second;
      if (kernel_.now - since > hold_bound)
        throw Violation{servers_.group_of(router.node()) + id,
                        "its statements are held for longer than there is a reason for it"};
    }
  }
}

void Citus::statement(int group) {
  const GroupId id = grouping_.id_of(group);
  if (!grouping_.citus() || id == 0) return;
  for (int place = 0; place < servers_.group_size(); ++place) {
    const int node = servers_.first_of(grouping_.first_of(group)) + place;
    if (servers_.frozen(node) || !servers_.can_acknowledge(node)) continue;
    for (const auto& row : table_of(group).read(node)) {
      if (row.group != id || !row.primary || routers_[router_of(node)].is_locked(row.id)) continue;
      const int target = std::stoi(row.host.substr(1));
      if (servers_.reach(node, target) && servers_.can_acknowledge(target)) ++served_[static_cast<std::size_t>(group)];
    }
  }
}

std::string Citus::why_not_routed(int group, int coordinator, int leader) const {
  const GroupId id = grouping_.id_of(group);
  const auto rows = table_of(group).read(coordinator);
  const auto row = std::ranges::find_if(rows, [&](const auto& r) { return r.primary && r.group == id; });
  if (row == rows.end()) return "pg_dist_node has no row for it";
  if (row->host != "h" + std::to_string(leader)) return "pg_dist_node sends its statements to " + row->host;
  if (std::ranges::count_if(rows, [&](const auto& r) { return r.primary && r.group == id; }) > 1)
    return "pg_dist_node has it twice";
  for (int place = 0; place < servers_.group_size(); ++place)
    for (const auto& hold : routers_[router_of(servers_.first_of(grouping_.first_of(group)) + place)].holding())
      if (hold.group == id) return "its statements are held";
  return {};
}

std::string Citus::describe(int group) const {
  std::string text;
  const int first = grouping_.first_of(group);
  for (int place = 0; grouping_.citus() && place < servers_.group_size(); ++place) {
    const int node = servers_.first_of(first) + place;
    text += "    pg_dist_node as coordinator " + std::to_string(place) + " has it:";
    for (const auto& row : table_of(group).read(node))
      text += " group " + std::to_string(row.group) + (row.primary ? " -> " : " + ") + row.host + ";";
    for (const auto& hold : routers_[router_of(node)].holding())
      text += " group " + std::to_string(hold.group) + (hold.held ? " is held for" : " is about to be held for") +
              " node " + std::to_string(hold.target.value) + ";";
    if (const auto& duty = routers_[router_of(node)].duty())
      for (const auto& route : duty->routes)
        text += " plan: " + std::to_string(route.group) + " -> " + std::to_string(route.primary.value) +
                (route.hold_for ? ", hold for " + std::to_string(route.hold_for.value) : "") + ";";
    text += "\n";
  }
  return text;
}

}  // namespace autoctl::simulator
