#include "world.h"

#include <algorithm>
#include <bit>

namespace autoctl::explorer {

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

template <class Function>
void for_all_facts(World& world, Function function) {
  for (auto* all : {&world.monitor.facts, &world.sent})
    for (SimFacts& facts : *all) function(facts);
}

void shorten(std::uint8_t& length) {
  if (length > 0) --length;
}

void forget_first(World& world) {
  for (SimNode& node : world.nodes) {
    if (!world.bounded_loss) shorten(node.goal.await_length);  // there it only says what the goal is
    if (node.length == 0) continue;
    std::shift_left(node.log.begin(), node.log.end(), 1);
    node.log.back() = 0;
    --node.length;
  }
  for (SimGoal& goal : world.monitor.goals)
    if (!world.bounded_loss) shorten(goal.await_length);
  for_all_facts(world, [](SimFacts& facts) { shorten(facts.length); });
}

/// Drops the common beginning of all logs as far as its fate is settled.
void forget_settled_commits(World& world) {
  for (;;) {
    const SimNode& first = world.nodes[0];
    bool common = first.length > 0;
    for (int n = 0; n < world.size && common; ++n) {
      const SimNode& node = world.nodes[n];
      common = node.data == Data::intact && node.length > 0 && node.log[0] == first.log[0];
    }
    if (!common) break;
    Commit& commit = world.commits[first.log[0]];
    if (commit != Commit::acknowledged && commit != Commit::abandoned) break;
    commit = Commit::unused;
    forget_first(world);
  }
  for (std::uint8_t token = 0; token < token_count; ++token) {
    const auto has = [&](const SimNode& node) { return node.has(token); };
    if (world.commits[token] == Commit::abandoned && std::ranges::none_of(world.nodes, has))
      world.commits[token] = Commit::unused;
  }
}

/// Only which timeline is the newer matters; a node that stays away would let the others' grow for ever. Between two of
/// them there is room for some promotions of the older one.
void lower_timelines(World& world) {
  constexpr int gap_max = 3;
  std::array<std::uint8_t*, 3 * max_nodes> all{};
  std::size_t count = 0;
  for (SimNode& node : world.nodes) {
    if (node.data != Data::intact) node.timeline = 0;
    if (node.timeline != 0) all[count++] = &node.timeline;
  }
  for_all_facts(world, [&](SimFacts& facts) {
    if (facts.timeline != 0) all[count++] = &facts.timeline;
  });
  const auto by_value = [](const std::uint8_t* a, const std::uint8_t* b) { return *a < *b; };
  std::sort(all.begin(), all.begin() + count, by_value);
  int before = 0;
  int lowered = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const int timeline = *all[i];
    lowered += i == 0 ? 1 : std::min(timeline - before, gap_max);
    before = timeline;
    *all[i] = static_cast<std::uint8_t>(lowered);
  }
}

void forget_what_nobody_reads(World& world) {
  for (SimNode& node : world.nodes) {
    if (node.data != Data::intact) {
      node.opens_as_primary = true;
      node.upstream = nobody;
      node.sync = {};
    }
    if (node.opens_as_primary) {
      node.upstream = nobody;
      node.lost_its_place = false;
    }
  }
  for_all_facts(world, [](SimFacts& facts) {
    if (!facts.current) facts.state = NodeState::init;
  });
}

/// Where each node goes: `place[old number]` is the new one.
using Places = std::array<std::uint8_t, max_nodes>;

std::uint8_t moved(std::uint8_t node, const Places& place) {
  return node < max_nodes ? place[node] : node;
}
std::uint8_t moved_bits(std::uint8_t bits, const Places& place) {
  std::uint8_t result = 0;
  for (int n = 0; n < max_nodes; ++n)
    if (bits >> n & 1U) result = static_cast<std::uint8_t>(result | 1U << place[n]);
  return result;
}
void move(SimQuorum& quorum, const Places& place) {
  quorum.voters = moved_bits(quorum.voters, place);
}
void move(SimGoal& goal, const Places& place) {
  goal.upstream = moved(goal.upstream, place);
  move(goal.sync, place);
}
template <class T>
void reorder(std::array<T, max_nodes>& all, const Places& place) {
  const auto before = all;
  for (int n = 0; n < max_nodes; ++n) all[place[n]] = before[n];
}

void rename(World& world, const Places& place) {
  for (SimNode& node : world.nodes) {
    node.upstream = moved(node.upstream, place);
    move(node.sync, place);
    move(node.goal, place);
  }
  SimMonitor& monitor = world.monitor;
  for (SimGoal& goal : monitor.goals) move(goal, place);
  move(monitor.confirmed, place);
  move(monitor.assigned, place);
  for_all_facts(world, [&](SimFacts& facts) {
    move(facts.sync, place);
    facts.streaming = moved_bits(facts.streaming, place);
  });
  if (monitor.operation >= Operation::to_node_0) {
    const int target = static_cast<int>(monitor.operation) - static_cast<int>(Operation::to_node_0);
    monitor.operation = operation_to(place[static_cast<std::size_t>(target)]);
  }
  for (std::uint8_t* node : {&monitor.then_leaves, &monitor.leaves, &monitor.returns}) *node = moved(*node, place);
  for (Commit& commit : world.commits)
    if (commit >= Commit::pending_on_0)
      commit = pending_on(place[static_cast<std::size_t>(commit) - static_cast<std::size_t>(Commit::pending_on_0)]);
  std::uint8_t cut = 0;
  for (int a = 0; a < max_nodes; ++a)
    for (int b = a + 1; b < max_nodes; ++b)
      if (!linked(world, a, b)) cut = static_cast<std::uint8_t>(cut | link_between(place[a], place[b]));
  world.cut = cut;
  reorder(world.nodes, place);
  reorder(monitor.goals, place);
  reorder(monitor.gone, place);
  reorder(monitor.facts, place);
  reorder(world.sent, place);
}

/// What of a node does not depend on the others' names. Nodes that tie keep their order: that only explores more.
std::uint64_t looks(const World& world, int n) {
  const SimNode& node = world.nodes[n];
  const SimFacts& facts = world.monitor.facts[n];
  std::uint64_t key = 0;
  const auto add = [&](auto value, unsigned bits) { key = key << bits | static_cast<std::uint64_t>(value); };
  add(world.monitor.goals[n].state, 5);
  add(node.reached, 5);
  add(node.goal.state, 5);
  add(facts.state, 5);
  add(node.data, 2);
  add(node.server, 2);
  add(node.timeline & 7U, 3);
  add(node.length, 2);
  add(node.length > 0 ? node.log[0] : 0, 1);
  add(node.opens_as_primary, 1);
  add(node.heard, 1);
  add(node.done, 1);
  add(node.broken, 1);
  add(node.lost_its_place, 1);
  add(node.upstream != nobody, 1);
  add(node.sync.acks, 2);
  add(std::popcount(node.sync.voters), 2);
  add(node.goal.fence, 1);
  add(world.monitor.gone[n], 1);
  add(facts.reported, 1);
  add(facts.current, 1);
  add(facts.running, 1);
  add(facts.in_recovery, 1);
  add(facts.receiving, 1);
  add(facts.cannot_run, 1);
  add(facts.length, 2);
  add(facts.timeline & 7U, 3);
  add(world.monitor.confirmed.contains(n), 1);
  add(world.monitor.assigned.contains(n), 1);
  add(world.sent[n].reported, 1);
  return key;
}

void order_nodes(World& world, const std::array<std::uint8_t, max_nodes>& alike) {
  std::array<std::uint64_t, max_nodes> key{};
  for (int n = 0; n < world.size; ++n) key[n] = looks(world, n);
  Places place = {0, 1, 2};
  bool changed = false;
  // Few enough to compare each with each; only nodes that are alike change places.
  for (int round = 0; round < world.size; ++round)
    for (int a = 0; a < world.size; ++a)
      for (int b = 0; b < world.size; ++b)
        if (alike[a] == alike[b] && place[a] < place[b] && key[a] > key[b]) {
          std::swap(place[a], place[b]);
          changed = true;
        }
  if (changed) rename(world, place);
}

}  // namespace

bool position_matters(NodeState goal) {
  return goal == NodeState::report_lsn || goal == NodeState::fast_forward || goal == NodeState::prepare_promotion ||
         goal == NodeState::draining;
}

bool streams_from(const World& world, int standby, int upstream) {
  const SimNode& self = world.nodes[standby];
  const SimNode& source = world.nodes[upstream];
  return self.upstream == upstream && self.server == Server::standby && !self.lost_its_place &&
         linked(world, standby, upstream) && source.server != Server::stopped && self.timeline <= source.timeline &&
         is_prefix(self, source);
}

bool streams(const World& world, int standby) {
  const std::uint8_t upstream = world.nodes[standby].upstream;
  return upstream != nobody && streams_from(world, standby, upstream);
}

std::uint8_t streaming_from(const World& world, int upstream) {
  std::uint8_t bits = 0;
  for (int n = 0; n < world.size; ++n)
    if (n != upstream && streams_from(world, n, upstream)) bits = static_cast<std::uint8_t>(bits | 1U << n);
  return bits;
}

bool can_acknowledge(const World& world, int node) {
  const SimNode& self = world.nodes[node];
  return self.server == Server::primary &&
         (self.sync.asynchronous() ||
          std::popcount<std::uint8_t>(streaming_from(world, node) & self.sync.voters) >= self.sync.acks);
}

bool has_every_acknowledged_commit(const World& world, int node) {
  if (world.nodes[node].data != Data::intact) return false;
  for (std::uint8_t token = 0; token < token_count; ++token)
    if (world.commits[token] == Commit::acknowledged && !world.nodes[node].has(token)) return false;
  return true;
}

void canonicalise(World& world, const std::array<std::uint8_t, max_nodes>& alike) {
  forget_settled_commits(world);
  forget_what_nobody_reads(world);
  lower_timelines(world);
  order_nodes(world, alike);
}

namespace {

std::string describe(const SimQuorum& quorum) {
  if (quorum.asynchronous()) return "nobody";
  std::string text = std::to_string(quorum.acks) + " of {";
  for (int n = 0; n < max_nodes; ++n)
    if (quorum.contains(n)) text += std::to_string(n);
  return text + "}";
}

std::string describe(const SimGoal& goal) {
  return std::string(to_string(goal.state)) + (goal.upstream != nobody ? "<-" + std::to_string(goal.upstream) : "") +
         (goal.sync.asynchronous() ? "" : " waiting for " + describe(goal.sync)) + (goal.fence ? "+fence" : "") +
         (goal.checkpoint ? "+checkpoint" : "") +
         (goal.await_length != 0 ? "+await " + std::to_string(goal.await_length) : "");
}

std::string describe(const SimNode& node) {
  static constexpr std::array data = {"no data", "data", "torn data"};
  static constexpr std::array server = {"stopped", "PRIMARY", "standby"};
  std::string text = std::string(data[static_cast<int>(node.data)]) + " " + server[static_cast<int>(node.server)];
  text += node.opens_as_primary ? "" : " (standby.signal)";
  if (node.upstream != nobody) text += " <-" + std::to_string(node.upstream);
  if (!node.sync.asynchronous()) text += " waits for " + describe(node.sync);
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
         (facts.running ? (facts.in_recovery ? " standby" : " primary") : " stopped") +
         (facts.sync.asynchronous() ? "" : " waits for " + describe(facts.sync)) +
         (facts.receiving ? " receives" : "") +
         (facts.streaming != 0 ? " streams to " + std::to_string(facts.streaming) : "") +
         (facts.cannot_run ? " cannot run" : "") + " tl" + std::to_string(facts.timeline) + " at " +
         std::to_string(facts.length);
}

}  // namespace

std::string describe(const World& world) {
  static constexpr std::array commits = {"x", "-", "acknowledged", "abandoned", "pending@0", "pending@1", "pending@2"};
  std::string text;
  for (int n = 0; n < world.size; ++n) {
    text += "    node " + std::to_string(n) + ": goal " + describe(world.monitor.goals[n]) +
            (world.monitor.gone[n] ? " (forgotten)" : "") + "; " + describe(world.nodes[n]) +
            "; monitor knows: " + describe(world.monitor.facts[n]) +
            (world.sent[n].reported ? "; on its way: " + describe(world.sent[n]) : "") + "\n";
  }
  text += "    confirmed " + describe(world.monitor.confirmed) + ", assigned " + describe(world.monitor.assigned) +
          ", cut links " + std::to_string(world.cut) + ", commits";
  for (Commit commit : world.commits) text += std::string(" ") + commits[static_cast<int>(commit)];
  static constexpr std::array statements = {"", "away", "go to 0", "go to 1", "wait for 0", "wait for 1"};
  if (world.statements != Statements::no_coordinator)
    text += std::string(", statements: ") + statements[static_cast<int>(world.statements)];
  return text + ", operation " + std::to_string(static_cast<int>(world.monitor.operation)) + "\n";
}

}  // namespace autoctl::explorer
