#include "cli/output/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "monitor/fsm/decide.h"
#include "monitor/fsm/election.h"
#include "monitor/fsm/roles.h"

namespace autoctl::cli {

namespace {

using monitor::GroupSnapshot;
using monitor::NodeView;
using monitor::Verdict;

bool belongs(const protocol::NodeDocument& node, const protocol::GroupDocument& group) {
  return node.formation == group.formation && node.group == group.group && node.assigned != NodeState::dropped;
}

Verdict verdict_of(const std::string& name) {
  for (const Verdict verdict : {Verdict::healthy, Verdict::suspected, Verdict::unreachable, Verdict::dead})
    if (to_string(verdict) == name) return verdict;
  return Verdict::unreachable;
}

NodeView view_of(const protocol::NodeDocument& node) {
  NodeView view;
  view.id = node.id;
  view.name = node.name;
  view.goal.state = node.assigned;
  view.reported = true;
  view.facts.state = node.reported;
  view.facts.postgres_running = node.connection != "none";
  view.facts.in_recovery = node.connection == "read-only";
  view.facts.timeline = node.timeline;
  view.facts.lsn = node.lsn;
  view.health = {verdict_of(node.health), node.health_reason};
  view.candidate_priority = node.candidate_priority;
  view.replication_quorum = node.replication_quorum;
  return view;
}

/// The group as the monitor would see it, had its primary died just now.
GroupSnapshot without_primary(const protocol::StateDocument& state, const protocol::GroupDocument& group) {
  GroupSnapshot snapshot;
  snapshot.quorum_confirmed = group.quorum_confirmed;
  snapshot.quorum_assigned = group.quorum_assigned;
  for (const auto& node : state.nodes) {
    if (!belongs(node, group)) continue;
    snapshot.nodes.push_back(view_of(node));
    if (is_leader_state(node.assigned)) snapshot.nodes.back().health = {Verdict::dead, "supposed"};
  }
  return snapshot;
}

std::string position(const NodeView& node) {
  return fmt::format("WAL up to {} on timeline {}", to_string(node.facts.lsn), node.facts.timeline.value);
}

std::string why_it_wins(const GroupSnapshot& group, const NodeView& winner, const std::vector<NodeId>& present) {
  std::string text = fmt::format("it has candidate priority {} and {}", winner.candidate_priority, position(winner));
  const NodeView* source = monitor::most_advanced(group, present);
  if (source != nullptr && monitor::is_behind(winner, *source))
    text += fmt::format(", and would first fetch the WAL that it lacks from {}", source->name);
  return text;
}

std::string why_it_loses(const NodeView& node, const NodeView* winner, const protocol::NodeDocument& document) {
  if (!document.electable) return document.not_electable_because;
  if (winner == nullptr) return "no standby can be elected";
  if (node.candidate_priority != winner->candidate_priority)
    return fmt::format("its candidate priority {} is lower", node.candidate_priority);
  if (monitor::is_behind(node, *winner)) return fmt::format("it is behind: {}", position(node));
  return "it is as good, but the winner has the lower node id";
}

Explanation explain_group(const protocol::StateDocument& state, const protocol::GroupDocument& group) {
  const GroupSnapshot snapshot = without_primary(state, group);
  const std::vector<NodeId> present = monitor::voters_present(snapshot);
  const NodeView* leader = monitor::leader_of(snapshot);
  const bool enough = monitor::covers_every_commit(snapshot, present);
  const NodeView* winner = enough ? monitor::preferred(snapshot, present) : nullptr;
  Explanation explanation{.formation = group.formation, .group = group.group};
  if (leader != nullptr) explanation.primary = leader->name;
  if (winner != nullptr) explanation.winner = winner->name;
  const std::string begin =
      leader != nullptr ? leader->name + " is the primary. If it were lost now, " : "There is no primary: ";
  if (snapshot.nodes.size() < 2)
    explanation.sentence = begin + "there would be no other node";
  else if (winner != nullptr)
    explanation.sentence = begin + winner->name + " would take over: " + why_it_wins(snapshot, *winner, present);
  else
    explanation.sentence = begin + "no standby could be elected: " + monitor::why_nobody_is_electable(snapshot);
  for (const auto& node : state.nodes) {
    const NodeView* view = belongs(node, group) ? snapshot.find(node.id) : nullptr;
    if (view == nullptr || view == leader || view == winner) continue;
    explanation.losers.push_back({node.name, why_it_loses(*view, winner, node)});
  }
  return explanation;
}

}  // namespace

std::vector<Explanation> explain(const protocol::StateDocument& state) {
  std::vector<Explanation> all;
  for (const auto& group : state.groups) all.push_back(explain_group(state, group));
  return all;
}

std::string explanation_text(const std::vector<Explanation>& explanations) {
  std::string text;
  for (const Explanation& one : explanations) {
    text += fmt::format("{}/{}: {}\n", one.formation, one.group, one.sentence);
    for (const auto& loser : one.losers) text += fmt::format("  not {}: {}\n", loser.name, loser.why);
  }
  return text;
}

nlohmann::json explanation_json(const std::vector<Explanation>& explanations) {
  auto document = nlohmann::json::array();
  for (const Explanation& one : explanations) {
    nlohmann::json entry = {{"formation", one.formation},
                            {"group", one.group},
                            {"primary", one.primary.empty() ? nlohmann::json() : nlohmann::json(one.primary)},
                            {"would_win", one.winner.empty() ? nlohmann::json() : nlohmann::json(one.winner)},
                            {"explanation", one.sentence},
                            {"others", nlohmann::json::array()}};
    for (const auto& loser : one.losers) entry["others"].push_back({{"name", loser.name}, {"why_not", loser.why}});
    document.push_back(std::move(entry));
  }
  return document;
}

}  // namespace autoctl::cli
