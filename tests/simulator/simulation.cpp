#include "simulation.h"

#include <spdlog/spdlog.h>

#include "faults.h"

namespace autoctl::simulator {

namespace {

constexpr std::size_t notes_kept = 300;
constexpr Micros check_interval = ms(500);
/// So long all must be whole before the next thing happens: by then the monitor has heard of it, as keepers look once a
/// second and report once a second.
constexpr Micros time_to_hear = seconds(3);
/// Where no quorum says it: and until the monitor, which may have started again, knows how far both nodes are.
constexpr Micros time_to_compare = seconds(15);

class Simulation {
 public:
  explicit Simulation(const WorldPlan& plan);
  RunResult run();

 private:
  void dispatch(const Event& event);
  void of_node(const Event& event);
  void of_everything(const Event& event);
  void clients_commit(int group);
  bool is_for_a_frozen_node(const Event& event);
  enum class Phase { faults, healing, one_is_lost, healing_again };
  void heal(Phase phase);
  void begin_round();
  void lose_one();
  void check();
  void end_operators_work(int group);
  void check_whole();
  void check_service();
  bool goes_on_without_one(int group) const;
  std::string why_not_whole(int group) const;
  std::string why_not_routed(int group) const;
  int leader_of(int group) const;
  std::vector<std::uint64_t> services() const;
  std::string describe(int group) const;

  const WorldPlan plan_;
  const Grouping grouping_;
  Kernel kernel_;
  PretendedNetwork network_;
  Servers servers_;
  Post post_;
  std::vector<Keeper> keepers_;
  MonitorHost monitor_;
  std::optional<Citus> citus_;  // once there are keepers
  Copies copies_;
  Faults faults_;
  Phase phase_ = Phase::healing;  // at first the groups form
  Micros faults_end_ = 0;
  std::optional<Micros> whole_since_;
  int group_with_loss_ = 0;
  int lost_node_ = -1;
  std::vector<std::uint64_t> services_before_;
  bool finished_ = false;
};

Simulation::Simulation(const WorldPlan& plan)
    : plan_(plan),
      grouping_(plan.groups, plan.citus_workers),
      kernel_(plan.seed),
      servers_(kernel_, network_, grouping_.groups(), plan.nodes),
      monitor_(kernel_, network_, servers_, keepers_, post_, grouping_, plan.decide),
      copies_(kernel_, servers_, keepers_, post_, monitor_.store()),
      faults_(kernel_, network_, servers_, keepers_, monitor_, copies_) {
  network_.resize(servers_.count(), plan.nodes);
  faults_.promotions_by_hand = plan.promotions_by_hand;
  faults_.hangs = plan.hangs;
  faults_.overloads = plan.overloads;
  kernel_.trace.resize(static_cast<std::size_t>(grouping_.groups()), notes_kept);
  servers_.server_changed = [this](int node) { keepers_[static_cast<std::size_t>(node)].server_changed(); };
  for (int node = 0; node < servers_.count(); ++node) keepers_.emplace_back(kernel_, network_, servers_, post_, node);
  citus_.emplace(kernel_, servers_, keepers_, monitor_.store(), grouping_, plan.lie);
  citus_->hold_begins = [this](int group) { faults_.on_delicate_moment(group, grouping_.first_of(group)); };
  faults_.many_switchovers = grouping_.citus();
  faults_.freezes = !plan.bounded_loss;
  monitor_.judge_plan = [this](int node, const auto& told) { citus_->judge_plan(node, told); };
}

RunResult Simulation::run() {
  RunResult outcome;
  try {
    monitor_.start();
    for (int group = 0; group < grouping_.groups(); ++group) {
      monitor_.create_group(group, plan_.bounded_loss ? 0 : plan_.number_sync_standbys, plan_.varied,
                            plan_.bounded_loss);
      if (plan_.manual_failover) monitor_.make_failovers_manual(group);
      kernel_.post(0, {.what = What::client_commits, .value = group});
    }
    for (Keeper& keeper : keepers_) keeper.start();
    kernel_.post(check_interval, {.what = What::check});
    while (!finished_) {
      const Event event = kernel_.queue.pop();
      kernel_.now = event.at;
      dispatch(event);
    }
  } catch (const Violation& violation) {
    outcome.violation =
        "seed " + std::to_string(plan_.seed) + ", groups " + std::to_string(plan_.groups) + ", nodes " +
        std::to_string(plan_.nodes) + ", number_sync_standbys " + std::to_string(plan_.number_sync_standbys) +
        (grouping_.citus() ? ", citus workers " + std::to_string(plan_.citus_workers) : "") +
        (plan_.varied ? ", varied" : "") + (plan_.manual_failover ? ", manual failover" : "") +
        (plan_.bounded_loss ? ", bounded loss" : "") + (plan_.promotions_by_hand ? ", promotions by hand" : "") +
        (plan_.hangs ? ", hangs" : "") + (plan_.overloads ? ", overloads" : "") + ", event " +
        std::to_string(kernel_.tally.events) + ", group " + std::to_string(violation.group) + ": " + violation.what +
        "\n" + kernel_.trace.print(violation.group) + describe(violation.group);
  }
  kernel_.tally.virtual_seconds = static_cast<std::uint64_t>(kernel_.now / seconds(1));
  outcome.tally = kernel_.tally;
  return outcome;
}

/// Whatever comes for a frozen node waits in its kernel's buffers.
bool Simulation::is_for_a_frozen_node(const Event& event) {
  if (event.node < 0 || event.what >= What::node_boots || !servers_.frozen(event.node)) return false;
  Event later = event;
  kernel_.post(servers_.host(event.node).frozen_until - kernel_.now + kernel_.random.between(0, 1000), later);
  return true;
}

void Simulation::dispatch(const Event& event) {
  if (is_for_a_frozen_node(event)) return;
  ++kernel_.tally.events;
  if (event.what > What::node_boots || event.what == What::client_commits) return of_everything(event);
  of_node(event);
  if (grouping_.citus() && event.what >= What::server_started) citus_->look_at(event.node, event.what);
}

void Simulation::of_node(const Event& event) {
  Keeper& keeper = keepers_[static_cast<std::size_t>(event.node)];
  switch (event.what) {
    case What::wal_arrives: return servers_.on_wal(event);
    case What::flush_is_told: return servers_.on_flush_told(event);
    case What::receiver_turn: return servers_.on_receiver_turn(event);
    case What::upstream_closed: return servers_.on_upstream_closed(event);
    case What::standby_closed: return servers_.on_standby_closed(event);
    case What::server_started: return servers_.on_started(event);
    case What::server_stopped: return servers_.on_stopped(event);
    case What::server_promoted: return servers_.on_promoted(event);
    case What::keeper_turn: return keeper.on_turn(event);
    case What::keeper_starts: return keeper.on_starts(event);
    case What::fence_turn: return keeper.on_fence(event);
    case What::heartbeat: return keeper.on_heartbeat(event);
    case What::answer_arrives: return keeper.on_answer(event);
    case What::exchange_failed: return keeper.on_exchange_failed(event);
    case What::messenger_turn: return keeper.on_messenger(event);
    case What::probes_turn: return keeper.on_probes(event);
    case What::citus_turn: return citus_->on_turn(event);
    default: return faults_.on_node_boots(event);
  }
}

void Simulation::of_everything(const Event& event) {
  switch (event.what) {
    case What::client_commits: return clients_commit(static_cast<int>(event.value));
    case What::monitor_turn: return monitor_.on_turn(event);
    case What::monitor_starts: return monitor_.on_starts(event);
    case What::store_returns: return monitor_.on_store_returns(event);
    case What::probe: return monitor_.on_probe(event);
    case What::fault_in_group: faults_.on_group(event); return citus_->look_at_all();
    case What::fault_of_monitor: return faults_.on_monitor(event);
    case What::copy_turn: return copies_.on_turn(event);
    case What::check: return check();
    default: return monitor_.on_arrival(event);
  }
}

/// Some client tries every node that lets it write.
void Simulation::clients_commit(int group) {
  for (int place = 0; place < plan_.nodes; ++place) {
    const int node = servers_.first_of(group) + place;
    if (!servers_.frozen(node)) servers_.commit(node);
  }
  citus_->statement(group);
  kernel_.post(kernel_.random.skewed(ms(5), seconds(1)), {.what = What::client_commits, .value = group});
}

void Simulation::begin_round() {
  phase_ = Phase::faults;
  faults_end_ = kernel_.now + round_of_faults;
  faults_.begin(faults_end_);
}

void Simulation::heal(Phase phase) {
  phase_ = phase;
  for (int group = 0; group < grouping_.groups(); ++group)
    kernel_.trace.note(kernel_.now, group, -1, "-- all faults end");
  faults_.end();
}

/// Who is left can be elected, and may go on with those who are left.
bool Simulation::goes_on_without_one(int group) const {
  int members = 0;
  for (int place = 0; place < plan_.nodes; ++place)
    if (monitor_.store().node(servers_.id_of(servers_.first_of(group) + place)).replication_quorum) ++members;
  const int number_sync_standbys = monitor_.store().settings(group).number_sync_standbys;
  return plan_.nodes > 1 && (number_sync_standbys == 0 || members >= number_sync_standbys + 2);
}

void Simulation::lose_one() {
  group_with_loss_ = kernel_.random.below(grouping_.groups());
  if (!goes_on_without_one(group_with_loss_)) return begin_round();
  phase_ = Phase::one_is_lost;
  faults_end_ = kernel_.now + service_bound;
  services_before_.clear();
  int node = servers_.first_of(group_with_loss_) + kernel_.random.below(plan_.nodes);
  for (int place = 0; place < plan_.nodes && kernel_.random.coin(); ++place)
    if (servers_[servers_.first_of(group_with_loss_) + place].primary)
      node = servers_.first_of(group_with_loss_) + place;
  lost_node_ = node;
  plan_.bounded_loss ? faults_.lose_host(node, faults_end_) : faults_.lose(node, faults_end_);
}

void Simulation::check() {
  kernel_.post(check_interval, {.what = What::check});
  citus_->judge_holds();
  switch (phase_) {
    case Phase::faults:
      if (kernel_.now >= faults_end_) heal(Phase::healing);
      return;
    case Phase::one_is_lost: return check_service();
    default: return check_whole();
  }
}

/// Commits acknowledged in the group that has lost a node; in a Citus formation also those of each group of workers that
/// came through the coordinator.
std::vector<std::uint64_t> Simulation::services() const {
  std::vector<std::uint64_t> counts = {servers_.acknowledged(group_with_loss_)};
  const int first = grouping_.first_of(group_with_loss_);
  for (int group = first + 1; group < first + grouping_.groups_of_formation(); ++group)
    counts.push_back(citus_->served(group));
  return counts;
}

void Simulation::check_service() {
  const auto now = services();
  const bool was_noticed = kernel_.now >= faults_end_ - service_bound + seconds(10);
  if (plan_.manual_failover && was_noticed && leader_of(group_with_loss_) == lost_node_)
    kernel_.post(0, {.what = What::operator_asks, .peer = -1, .value = group_with_loss_});
  if (services_before_.empty() && kernel_.now >= faults_end_ - seconds(5)) services_before_ = now;
  if (kernel_.now < faults_end_) return;
  for (std::size_t i = 0; i < now.size(); ++i)
    if (now[i] == services_before_[i])
      throw Violation{i == 0 ? group_with_loss_ : grouping_.first_of(group_with_loss_) + static_cast<int>(i),
                      (i == 0 ? "no commit is acknowledged " : "no statement is served through the coordinator ") +
                          std::to_string(service_bound / seconds(1)) + " s after the loss of one node"};
  heal(Phase::healing_again);
}

/// The operator gives back what is still in maintenance, and ends a pause.
void Simulation::end_operators_work(int group) {
  kernel_.post(0, {.what = What::operator_asks, .generation = pause_ends, .value = group});
  for (int place = 0; place < plan_.nodes; ++place)
    if (monitor_.store().node(servers_.id_of(servers_.first_of(group) + place)).goal.state == NodeState::maintenance)
      kernel_.post(0, {.what = What::operator_asks, .generation = maintenance_ends, .peer = place, .value = group});
}

void Simulation::check_whole() {
  for (int group = 0; group < grouping_.groups(); ++group) {
    std::string why = why_not_whole(group);
    if (why.empty()) why = why_not_routed(group);
    if (why.empty()) continue;
    whole_since_.reset();
    end_operators_work(group);
    if (kernel_.now - faults_end_ < recovery_bound) return;
    throw Violation{group,
                    "not whole " + std::to_string(recovery_bound / seconds(1)) + " s after the last fault: " + why};
  }
  if (!whole_since_) whole_since_ = kernel_.now;
  if (kernel_.now - *whole_since_ < (plan_.bounded_loss ? time_to_compare : time_to_hear)) return;
  ++kernel_.tally.convergences;
  kernel_.tally.slowest_convergence = std::max(kernel_.tally.slowest_convergence, *whole_since_ - faults_end_);
  whole_since_.reset();
  if (kernel_.tally.events >= plan_.events)
    finished_ = true;
  else if (phase_ == Phase::healing && kernel_.random.coin())
    lose_one();
  else
    begin_round();
}

/// One primary that everybody follows, everybody settled, the quorum proved.
std::string Simulation::why_not_whole(int group) const {
  if (monitor_.store().is_paused(group)) return "its formation is paused";
  int leader = -1;
  const monitor::GroupRow& row = monitor_.store().group(group);
  const NodeState leads = plan_.nodes == 1     ? NodeState::single
                          : plan_.bounded_loss ? NodeState::wait_primary
                                               : NodeState::primary;
  for (int place = 0; place < plan_.nodes; ++place) {
    const int node = servers_.first_of(group) + place;
    const Goal& goal = monitor_.store().node(servers_.id_of(node)).goal;
    const Keeper& keeper = keepers_[static_cast<std::size_t>(node)];
    const std::string name = "node " + std::to_string(place);
    if (goal.state == leads && leader < 0)
      leader = node;
    else if (goal.state != NodeState::secondary)
      return name + " is to be " + std::string(to_string(goal.state));
    if (!keeper.alive() || !keeper.settled() || keeper.goal() != goal) return name + " has not reached its goal";
  }
  if (leader < 0) return "there is no primary";
  if (!servers_.can_acknowledge(leader)) return "the primary cannot acknowledge";
  if (!servers_.has_every_acknowledged_commit(leader)) return "the primary lacks an acknowledged commit";
  if (row.quorum_confirmed != row.quorum_assigned) return "the quorum is not confirmed";
  for (int place = 0; place < plan_.nodes; ++place) {
    const int node = servers_.first_of(group) + place;
    if (node == leader) continue;
    if (!servers_.receiving(node) || servers_[node].upstream != leader)
      return "node " + std::to_string(place) + " does not stream from the primary";
    if (monitor_.store().node(servers_.id_of(node)).replication_quorum &&
        !row.quorum_confirmed.contains(servers_.id_of(node)))
      return "node " + std::to_string(place) + " is not in the quorum";
  }
  return {};
}

int Simulation::leader_of(int group) const {
  for (int place = 0; place < plan_.nodes; ++place) {
    const int node = servers_.first_of(group) + place;
    if (is_leader_state(monitor_.store().node(servers_.id_of(node)).goal.state)) return node;
  }
  return -1;
}

std::string Simulation::why_not_routed(int group) const {
  if (!grouping_.citus()) return {};
  const int coordinator = leader_of(grouping_.first_of(group));
  return coordinator < 0 ? "its coordinator has no primary"
                         : citus_->why_not_routed(group, coordinator, leader_of(group));
}

std::string Simulation::describe(int group) const {
  std::string text = "  in the end:\n";
  for (int place = 0; place < plan_.nodes; ++place) {
    const int node = servers_.first_of(group) + place;
    const Postgres& self = servers_[node];
    static constexpr std::array servers = {"stopped", "starting", "up", "stopping"};
    const Timelines::Branch& branch = servers_.timelines(node)[self.wal.branch];
    text += "    node " + std::to_string(place) + ": Postgres " + servers[static_cast<std::size_t>(self.server)] +
            (self.primary ? " PRIMARY" : "") + (self.answers() ? "" : " (does not answer)") + ", timeline " +
            std::to_string(branch.timeline) + " (branch " + std::to_string(self.wal.branch) + ") at " +
            std::to_string(self.wal.lsn) + (self.connection != 0 ? ", streams" : "") +
            (servers_.can_acknowledge(node) ? ", can acknowledge" : "") + "; keeper " +
            keepers_[static_cast<std::size_t>(node)].describe() + "; goal " +
            std::string(to_string(monitor_.store().node(servers_.id_of(node)).goal.state)) + "\n";
  }
  text += citus_->describe(group);
  return text;
}

}  // namespace

WorldPlan random_plan(std::uint64_t seed) {
  Random random(seed ^ 0x5EEDULL);
  static constexpr std::array groups = {1, 1, 1, 1, 1, 2, 5, 50};
  static constexpr std::array nodes = {1, 2, 2, 3, 3, 3, 4, 5, 7};
  WorldPlan plan{.seed = seed};
  plan.groups = groups[static_cast<std::size_t>(random.below(groups.size()))];
  plan.nodes = nodes[static_cast<std::size_t>(random.below(nodes.size()))];
  plan.number_sync_standbys = random.coin() ? 0 : random.below(plan.nodes);
  plan.varied = random.coin();
  plan.promotions_by_hand = random.coin();
  plan.manual_failover = random.permille(150);
  // Beside the others, so that old worlds stay as they were.
  plan.hangs = Random(seed ^ 0x4A46ULL).permille(400);
  plan.overloads = Random(seed ^ 0x10ADULL).permille(300);
  if (random.permille(250)) {
    plan.citus_workers = 1 + random.below(3);
    plan.groups = std::min(plan.groups, 5);
    plan.nodes = std::min(plan.nodes, 3);
    plan.number_sync_standbys = std::min(plan.number_sync_standbys, plan.nodes - 1);
  }
  plan.bounded_loss =
      Random(seed ^ 0x1055ULL).permille(200) && plan.citus_workers == 0 && !plan.promotions_by_hand && !plan.hangs;
  return plan;
}

RunResult simulate(const WorldPlan& plan) {
  spdlog::set_level(spdlog::level::off);
  return Simulation(plan).run();
}

}  // namespace autoctl::simulator
