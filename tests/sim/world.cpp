#include "world.h"

#include <algorithm>

namespace autoctl::sim {

std::uint64_t hash_bytes(const void* data, std::size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  std::uint64_t hash = 0x9E3779B97F4A7C15ULL ^ size;
  for (std::size_t i = 0; i < size; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + i, std::min<std::size_t>(8, size - i));
    hash = (hash ^ word) * 0xD6E8FEB86659FD93ULL;
    hash ^= hash >> 32;
  }
  return hash;
}

namespace {

bool is_prefix(const SimNode& shorter, const SimNode& longer) {
  return shorter.length <= longer.length &&
         std::equal(shorter.log.begin(), shorter.log.begin() + shorter.length, longer.log.begin());
}

std::array<SimFacts*, 4> known_facts(World& world) {
  return {&world.monitor.facts[0], &world.monitor.facts[1], &world.sent[0], &world.sent[1]};
}

void forget_first(SimNode& node) {
  std::shift_left(node.log.begin(), node.log.end(), 1);
  node.log.back() = 0;
  --node.length;
}

/// Drops the common beginning of both logs as far as its fate is settled.
void forget_settled_commits(World& world) {
  SimNode& a = world.nodes[0];
  SimNode& b = world.nodes[1];
  while (a.data == Data::intact && b.data == Data::intact && a.length > 0 && b.length > 0 && a.log[0] == b.log[0]) {
    Commit& commit = world.commits[a.log[0]];
    if (commit != Commit::acknowledged && commit != Commit::abandoned) return;
    commit = Commit::unused;
    forget_first(a);
    forget_first(b);
  }
  for (std::uint8_t token = 0; token < token_count; ++token)
    if (world.commits[token] == Commit::abandoned && !a.has(token) && !b.has(token))
      world.commits[token] = Commit::unused;
}

void lower_timelines(World& world) {
  std::uint8_t lowest = 255;
  for (const SimNode& node : world.nodes)
    if (node.data == Data::intact) lowest = std::min(lowest, node.timeline);
  for (const SimFacts* facts : known_facts(world))
    if (facts->running) lowest = std::min(lowest, facts->timeline);
  for (SimNode& node : world.nodes)
    node.timeline = node.data == Data::intact ? static_cast<std::uint8_t>(node.timeline - lowest + 1) : 0;
  for (SimFacts* facts : known_facts(world))
    facts->timeline = facts->running ? static_cast<std::uint8_t>(facts->timeline - lowest + 1) : 0;
}

void forget_what_nobody_reads(World& world) {
  for (SimNode& node : world.nodes) {
    if (node.data != Data::intact) {
      node.opens_as_primary = true;
      node.upstream = node.sync = false;
    }
    if (node.opens_as_primary) node.upstream = node.lost_its_place = false;
  }
  for (SimFacts* facts : known_facts(world))
    if (facts->reported && !facts->current) facts->state = what_matters_of_an_older_term(facts->state);
}

}  // namespace

NodeState what_matters_of_an_older_term(NodeState reached) {
  const bool served = is_leader_state(reached) || reached == NodeState::stop_replication;
  return served ? NodeState::wait_primary : NodeState::init;
}

bool streams(const World& world, int standby) {
  const SimNode& self = world.nodes[standby];
  const SimNode& upstream = world.nodes[other(standby)];
  return world.link && self.server == Server::standby && self.upstream && !self.lost_its_place &&
         upstream.server == Server::primary && self.timeline <= upstream.timeline && is_prefix(self, upstream);
}

bool can_acknowledge(const World& world, int node) {
  const SimNode& self = world.nodes[node];
  return self.server == Server::primary && (!self.sync || streams(world, other(node)));
}

bool has_every_acknowledged_commit(const World& world, int node) {
  if (world.nodes[node].data != Data::intact) return false;
  for (std::uint8_t token = 0; token < token_count; ++token)
    if (world.commits[token] == Commit::acknowledged && !world.nodes[node].has(token)) return false;
  return true;
}

void canonicalise(World& world) {
  forget_settled_commits(world);
  forget_what_nobody_reads(world);
  lower_timelines(world);
}

namespace {

std::string describe(const SimGoal& goal) {
  return std::string(to_string(goal.state)) + (goal.upstream ? "+upstream" : "") + (goal.sync ? "+sync" : "") +
         (goal.fence ? "+fence" : "") + (goal.checkpoint ? "+checkpoint" : "");
}

std::string describe(const SimNode& node) {
  static constexpr std::array data = {"no data", "data", "torn data"};
  static constexpr std::array server = {"stopped", "PRIMARY", "standby"};
  std::string text = std::string(data[static_cast<int>(node.data)]) + " " + server[static_cast<int>(node.server)];
  text += node.opens_as_primary ? "" : " (standby.signal)";
  if (node.upstream) text += " upstream";
  if (node.sync) text += " sync";
  if (node.lost_its_place) text += " needs a copy";
  if (node.broken) text += " BROKEN";
  text += " tl" + std::to_string(node.timeline) + " log[";
  for (int i = 0; i < node.length; ++i) text += static_cast<char>('a' + node.log[i]);
  return text + "] keeper: " + std::string(to_string(node.reached)) + (node.done ? "" : " -> " + describe(node.goal)) +
         (node.heard ? "" : " (has not heard)");
}

std::string describe(const SimFacts& facts) {
  if (!facts.reported) return "no report";
  return std::string(to_string(facts.state)) + (facts.current ? "" : " (older term)") +
         (facts.running ? (facts.in_recovery ? " standby" : " primary") : " stopped") + (facts.sync ? " sync" : "") +
         (facts.connected ? " connected" : "") + (facts.cannot_run ? " cannot run" : "") + " tl" +
         std::to_string(facts.timeline);
}

std::string_view describe(Voter who) {
  return who == Voter::nobody ? "nobody" : who == Voter::node_0 ? "node 0" : "node 1";
}

}  // namespace

std::string describe(const World& world) {
  static constexpr std::array commits = {"x", "-", "pending@0", "pending@1", "acknowledged", "abandoned"};
  std::string text;
  for (int n = 0; n < 2; ++n) {
    text += "    node " + std::to_string(n) + ": goal " + describe(world.monitor.goals[n]) +
            (world.monitor.gone[n] ? " (forgotten)" : "") + "; " + describe(world.nodes[n]) +
            "; monitor knows: " + describe(world.monitor.facts[n]) +
            (world.sent[n].reported ? "; on its way: " + describe(world.sent[n]) : "") + "\n";
  }
  text += "    confirmed " + std::string(describe(world.monitor.confirmed)) + ", assigned " +
          std::string(describe(world.monitor.assigned)) + ", link " + (world.link ? "up" : "cut") + ", commits";
  for (Commit commit : world.commits) text += std::string(" ") + commits[static_cast<int>(commit)];
  static constexpr std::array statements = {"", "away", "go to 0", "go to 1", "wait for 0", "wait for 1"};
  if (world.statements != Statements::no_coordinator)
    text += std::string(", statements: ") + statements[static_cast<int>(world.statements)];
  return text + ", operation " + std::to_string(static_cast<int>(world.monitor.operation)) + "\n";
}

}  // namespace autoctl::sim
