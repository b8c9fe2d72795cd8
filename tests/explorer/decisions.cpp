#include "decisions.h"

#include <algorithm>
#include <utility>

#include "weather.h"

namespace autoctl::explorer {

using monitor::Verdict;

namespace {

bool same(const SimDecision& a, const SimDecision& b) {
  return a.rule_id == b.rule_id && a.assigned == b.assigned && a.problem == b.problem &&
         std::memcmp(&a.monitor, &b.monitor, sizeof a.monitor) == 0;
}

void add_if_new(std::vector<SimDecision>& effects, const std::optional<SimDecision>& effect) {
  if (!effect) return;
  const auto known = std::ranges::find_if(effects, [&](const SimDecision& e) { return same(e, *effect); });
  if (known == effects.end())
    effects.push_back(*effect);
  else
    known->when_leases_are_over = known->when_leases_are_over && effect->when_leases_are_over;
}

constexpr unsigned verdict_bits = 2 * max_nodes;

Belief belief_of(unsigned bits) {
  Belief belief;
  for (unsigned n = 0; n < max_nodes; ++n) belief.verdicts[n] = static_cast<Verdict>(bits >> (2 * n) & 3U);
  belief.trusts_itself = (bits >> verdict_bits & 1U) == 0;
  belief.stalls_elapsed = (bits >> verdict_bits & 2U) != 0;
  belief.others_elapsed = (bits >> verdict_bits & 4U) != 0;
  belief.disk_is_full = (bits >> verdict_bits & 8U) != 0;
  belief.ids_descend = (bits >> verdict_bits & 16U) != 0;
  belief.paused = (bits >> verdict_bits & 32U) != 0;
  return belief;
}

std::array<std::uint8_t, 3> key_of(const Belief& belief) {
  unsigned bits = 0;
  for (unsigned n = 0; n < max_nodes; ++n) bits |= static_cast<unsigned>(belief.verdicts[n]) << (2 * n);
  const unsigned others = (belief.trusts_itself ? 0U : 1U) | (belief.stalls_elapsed ? 2U : 0U) |
                          (belief.others_elapsed ? 4U : 0U) | (belief.disk_is_full ? 8U : 0U) |
                          (belief.ids_descend ? 16U : 0U) | (belief.paused ? 32U : 0U);
  return {static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(others),
          static_cast<std::uint8_t>(belief.statements)};
}

/// assess() calls nobody healthy who has not reported. For three nodes a few beliefs that amount to another are left
/// out: a suspect is as an unreachable node to a monitor that cannot elect without it; a monitor that does not trust
/// itself does nothing about a dead primary, as about an unreachable one; of a full disk two nodes have told all.
bool worth_trying(const SimMonitor& sim, const Belief& belief, int nodes) {
  for (int n = 0; n < max_nodes; ++n) {
    if (sim.gone[n] && belief.verdicts[n] != Verdict::healthy) return false;
    if (!sim.gone[n] && belief.verdicts[n] == Verdict::healthy && !sim.facts[n].reported) return false;
    if (nodes > 2 && belief.verdicts[n] == Verdict::suspected) return false;
  }
  if (nodes > 2 && belief.paused) return false;
  if (nodes > 2) return belief.trusts_itself && !belief.disk_is_full && belief.stalls_elapsed == belief.others_elapsed;
  return !belief.ids_descend;
}

}  // namespace

const std::optional<SimDecision>& Decisions::under(const SimMonitor& sim, const Belief& belief) {
  const auto [entry, is_new] = one_.try_emplace({sim, key_of(belief)});
  if (is_new) entry->second = decide_once(sim, belief, rules_);
  return entry->second;
}

const SimRoute& Decisions::route(const SimMonitor& sim, const Belief& belief) {
  const auto [entry, is_new] = routes_.try_emplace({sim, key_of(belief)});
  if (is_new) entry->second = route_of(sim, belief, rules_);
  return entry->second;
}

const std::vector<SimDecision>& Decisions::under_any_belief(const SimMonitor& sim) {
  const auto [entry, is_new] = any_.try_emplace(sim);
  std::vector<SimDecision>& effects = entry->second;
  if (!is_new) return effects;
  if (any_weather_) return effects = in_any_weather(sim);
  const auto consider = [&](const Belief& belief) { add_if_new(effects, decide_once(sim, belief, rules_)); };
  using enum Statements;
  for (unsigned bits = 0; bits < 64U << verdict_bits; ++bits) {
    Belief belief = belief_of(bits);
    if (!worth_trying(sim, belief, nodes_)) continue;
    if (!worker_) consider(belief);
    for (Statements statements : {away, go_to_0, go_to_1, wait_for_0, wait_for_1}) {
      if (!worker_) break;
      belief.statements = statements;
      consider(belief);
    }
  }
  return effects;
}

namespace {

/// A snapshot in which one node after the other is looked at in another way.
class ChangingSnapshot {
 public:
  ChangingSnapshot(const SimMonitor& sim, const Rules& rules, Belief belief)
      : belief_(belief), group_(snapshot_of(sim, belief, rules)) {
    for (int n = 0; n < max_nodes; ++n) {
      const auto node = std::ranges::find(group_.nodes, id_of(n, belief.ids_descend), &monitor::NodeView::id);
      if (node == group_.nodes.end()) continue;  // it is gone
      places_.push_back({.node = n, .place = static_cast<std::size_t>(node - group_.nodes.begin())});
      for (const Look& look : looks_in_any_weather(sim, n)) {
        Belief one = belief;
        one.verdicts[n] = look.verdict;
        one.sights[n] = look.sight;
        places_.back().views.push_back(snapshot_of(sim, one, rules).nodes[places_.back().place]);
        places_.back().sights.push_back(look.sight);
      }
    }
  }

  /// Calls `function(snapshot, belief)` for every way to look at all of them.
  template <class Function>
  void for_each(Function function, std::size_t from = 0) {
    if (from == places_.size()) {
      for (const Place& place : places_) restore_peers(place);
      look_at_peers(group_, belief_);
      return function(std::as_const(group_), belief_);
    }
    Place& place = places_[from];
    for (place.look = 0; place.look < place.views.size(); ++place.look) {
      group_.nodes[place.place] = place.views[place.look];
      belief_.sights[place.node] = place.sights[place.look];
      for_each(function, from + 1);
    }
  }

 private:
  struct Place {
    int node = 0;
    std::size_t place = 0;  // in the snapshot
    std::size_t look = 0;
    std::vector<monitor::NodeView> views{};
    std::vector<Sight> sights{};
  };

  void restore_peers(const Place& place) {
    const NodeFacts& facts = place.views[place.look].facts;
    if (facts.prepared_peers.empty()) return;
    group_.nodes[place.place].facts.streaming = facts.streaming;
    group_.nodes[place.place].facts.prepared_peers = facts.prepared_peers;
  }

  Belief belief_;
  monitor::GroupSnapshot group_;
  std::vector<Place> places_;
};

}  // namespace

std::vector<SimDecision> Decisions::in_any_weather(const SimMonitor& sim) const {
  std::vector<SimDecision> effects;
  for (const bool elapsed : {false, true})
    for (const bool descend : {false, true}) {
      if (elapsed && !time_matters(sim)) continue;
      Belief belief;
      belief.others_elapsed = elapsed;
      belief.ids_descend = descend;
      ChangingSnapshot(sim, rules_, belief).for_each([&](const monitor::GroupSnapshot& group, const Belief& now) {
        add_if_new(effects, decide_on(group, sim, now, rules_));
      });
    }
  return effects;
}

}  // namespace autoctl::explorer
