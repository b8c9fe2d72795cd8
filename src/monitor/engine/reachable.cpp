#include "monitor/engine/reachable.h"

#include "common/util/loopback.h"

namespace autoctl::monitor {

namespace {

template <class Wanted>
const Node* find_node(const Model& model, const std::string& formation, NodeId but, Wanted wanted) {
  for (const auto& [key, group] : model.groups_of(formation))
    for (const auto& [id, node] : group.nodes)
      if (id != but && node.row.goal.state != NodeState::dropped && wanted(node)) return &node;
  return nullptr;
}

/// Of the formation, on another machine than the monitor, as far as the nodes have reported.
const Node* node_elsewhere(const Model& model, const std::string& formation, NodeId but) {
  return find_node(model, formation, but, [](const Node& node) { return !node.elsewhere.empty(); });
}

Error leads_to_itself(const std::string& host, const std::string& elsewhere) {
  return {
      Errc::conflict,
      host + " leads every machine to itself, and this node is on another machine (" + elsewhere + ") than the monitor",
      "say how the others reach it: --hostname " + elsewhere + ", or a name that leads there"};
}

}  // namespace

Result<> check_reachable(const Model& model, const protocol::RegisterRequest& request, const Caller& caller) {
  const NodeId self = request.former ? request.former->id : NodeId{};
  if (is_loopback_host(request.host)) {
    if (!caller.elsewhere.empty()) return fail(leads_to_itself(request.host, caller.elsewhere));
    const Node* other = node_elsewhere(model, request.formation, self);
    if (other == nullptr) return {};
    return fail(Errc::conflict,
                request.host + " leads every machine to itself, and " + other->row.name + " (" + other->row.host +
                    ") is on another machine",
                "say how it reaches this node: --hostname with an address or a name of this machine");
  }
  if (caller.elsewhere.empty()) return {};
  const Node* other =
      find_node(model, request.formation, self, [](const Node& node) { return is_loopback_host(node.row.host); });
  if (other == nullptr) return {};
  return fail(Errc::conflict,
              other->row.name + " is registered as " + other->row.host + ", which leads every machine to itself, and " +
                  request.host + " is on another machine (" + caller.elsewhere + ")",
              "give " + other->row.name +
                  " an address first, on its machine: autoctl set node metadata --hostname ADDRESS --pgdata …");
}

std::string why_unreachable(const Model& model, const NodeRow& row, const std::string& host, const Caller& caller) {
  if (!is_loopback_host(host)) return {};
  if (!caller.elsewhere.empty()) return leads_to_itself(host, caller.elsewhere).message;
  const Node* other = node_elsewhere(model, row.formation, row.id);
  if (other == nullptr) return {};
  return host + " leads every machine to itself, and " + other->row.name + " is on another machine (" +
         other->elsewhere + ")";
}

}  // namespace autoctl::monitor
