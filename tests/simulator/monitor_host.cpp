#include "monitor_host.h"

namespace autoctl::simulator {

namespace {

constexpr std::chrono::system_clock::time_point wall_start{std::chrono::hours(24 * 365 * 50)};
constexpr Micros store_retry = ms(100);
constexpr Micros deafness = seconds(2);
constexpr Micros probe_timeout = ms(500);
constexpr std::array probe_pauses = {ms(20), ms(50), ms(100), ms(200)};
constexpr std::int64_t tries_in_haste = 50;
constexpr Micros probe_pause_later = seconds(2);

}  // namespace

MonitorHost::MonitorHost(Kernel& kernel, PretendedNetwork& network, Servers& servers, std::vector<Keeper>& keepers,
                         Post& post, const Grouping& grouping, monitor::Decide decide)
    : kernel_(kernel),
      network_(network),
      servers_(servers),
      keepers_(keepers),
      post_(post),
      grouping_(grouping),
      decide_(std::move(decide)),
      store_(kernel, servers, grouping) {}

void MonitorHost::start() {
  const auto image = store_.load();
  if (!image) {
    kernel_.post(store_retry, {.what = What::monitor_starts, .generation = ++generation_});
    return;
  }
  host_is_up_ = true;
  recovering_ = false;
  const monitor::Environment environment{.now = [this] { return clock_of(kernel_.now); },
                                         .wall = [this] { return wall_start + std::chrono::microseconds(kernel_.now); },
                                         .random_token = [this] { return "token " + std::to_string(++tokens_); }};
  const auto as_it_is = [](std::string_view credential) { return std::string(credential); };
  engine_ = std::make_unique<monitor::Engine>(store_, *this, monitor::Access(true, "operator", as_it_is), environment,
                                              decide_);
  try {
    engine_->restore(*image);
  } catch (const MonitorCrash&) {
    return crash(false);
  }
  schedule(0);
}

void MonitorHost::create_group(int group, int number_sync_standbys, bool varied, bool bounded_loss) {
  protocol::FormationDocument formation;
  formation.name = grouping_.formation_of(group);
  formation.kind = grouping_.citus() ? "citus" : "pgsql";
  std::string problem;
  if (!grouping_.is_worker(group))
    engine_->create_formation(formation, {}, [&](const auto& made) { problem = made ? "" : made.error().message; });
  for (int place = 0; place < servers_.group_size() && problem.empty(); ++place) {
    const int node = servers_.first_of(group) + place;
    protocol::RegisterRequest request;
    request.formation = formation.name;
    request.kind = formation.kind;
    if (grouping_.citus()) {
      request.group = grouping_.id_of(group);
      request.role = grouping_.is_worker(group) ? "worker" : "coordinator";
      request.citus_secondary = varied && kernel_.random.permille(300);
    }
    request.name = name_of(node);
    request.host = "h" + std::to_string(node);  // the store knows it by this
    request.port = 5432;
    request.api_port = 5433;
    if (varied && place > 1) {  // two nodes that can take over from each other are always there
      request.candidate_priority = kernel_.random.below(3) * 50;
      request.replication_quorum = kernel_.random.permille(700);
    }
    if (bounded_loss) request.replication_quorum = false;
    engine_->register_node(request, {}, [&](const auto& made) {
      if (!made) {
        problem = made.error().message;
        return;
      }
      keepers_[static_cast<std::size_t>(node)].join(made->token, request.host, request.port);
    });
  }
  if (!problem.empty()) throw Violation{group, "the group cannot be created: " + problem};
  if (!grouping_.is_last_of_formation(group)) return;
  while (!set_sync_standbys(formation.name, number_sync_standbys)) --number_sync_standbys;
  if (bounded_loss) allow_loss(formation.name);
}

/// So that now one of the bounds counts, now the other; and a lease may be longer than it takes to call a node dead.
void MonitorHost::allow_loss(const std::string& formation) {
  const bool long_lease = kernel_.random.coin();
  engine_->change_settings({formation,
                            {{"lease", long_lease ? "8000" : "4000"},
                             {"failover_max_lost_time", long_lease ? "12000" : "8000"},
                             {"failover_max_lost_bytes", kernel_.random.coin() ? "500" : "1000000"}}},
                           {}, [](const auto& answer) { (void)answer.value(); });
}

std::string MonitorHost::name_of(int node) const {
  const std::string name = "node_" + std::to_string(servers_.place_of(node));
  return grouping_.citus() ? "group_" + std::to_string(grouping_.id_of(servers_.group_of(node))) + "_" + name : name;
}

void MonitorHost::make_failovers_manual(int group) {
  engine_->change_settings({grouping_.formation_of(group), {{"manual_failover", "all"}}}, {},
                           [](const auto& answer) { (void)answer.value(); });
}

/// As an operator who stops it, puts back what was saved, and starts it.
void MonitorHost::restore_backup() {
  if (!store_.has_backup()) return;
  for (int group = 0; group < servers_.count() / servers_.group_size(); ++group)
    kernel_.trace.note(kernel_.now, group, -1, "THE MONITOR IS RESTORED FROM A BACKUP");
  ++kernel_.tally.faults;
  crash(false);
  store_.restore_backup();
  start();
}

/// False if a group has too few standbys for it.
bool MonitorHost::set_sync_standbys(const std::string& formation, int number) {
  bool accepted = false;
  engine_->change_settings({formation, {{"number_sync_standbys", std::to_string(number)}}}, {},
                           [&](const auto& answer) { accepted = answer.has_value(); });
  return accepted || number == 0;
}

void MonitorHost::crash(bool silently) {
  if (!alive()) return;
  ++kernel_.tally.monitor_crashes;
  for (int group = 0; group < servers_.count() / servers_.group_size(); ++group)
    kernel_.trace.note(kernel_.now, group, -1, "MONITOR CRASHES");
  engine_.reset();
  store_.close();
  watched_.clear();
  for (const Event& event : inbox_) discard(event);
  inbox_.clear();
  turn_at_ = -1;
  ++turn_;
  host_is_up_ = !silently;
  for (int node = 0; !silently && node < servers_.count(); ++node)
    if (network_.open_from_monitor(node, kernel_.now)) keepers_[static_cast<std::size_t>(node)].connections_broke();
  kernel_.post(kernel_.random.skewed(ms(200), seconds(40)),
               {.what = What::monitor_starts, .generation = ++generation_});
}

void MonitorHost::on_starts(const Event& event) {
  if (!alive() && event.generation == generation_) start();
}

void MonitorHost::schedule(Micros delay) {
  const Micros at = std::max(kernel_.now + delay, frozen_until_);
  if (turn_at_ >= kernel_.now && turn_at_ <= at) return;
  turn_at_ = at;
  kernel_.post(at - kernel_.now, {.what = What::monitor_turn, .generation = ++turn_});
}

void MonitorHost::on_arrival(const Event& event) {
  const bool report = event.what == What::report_arrives;
  if (event.node >= 0 && !network_.open_to_monitor(event.node, kernel_.now)) return discard(event);
  if (!alive()) {
    if (report && host_is_up_ && event.node >= 0) {
      const ReportMessage message = post_.reports.take(event.value);
      answer(event.node, event.generation, message.exchange, autoctl::fail(Errc::unavailable, "refused"));
    } else {
      discard(event);
    }
    return;
  }
  inbox_.push_back(event);
  schedule(kernel_.random.between(20, 400));
}

void MonitorHost::discard(const Event& event) {
  if (event.what == What::report_arrives) post_.reports.drop(event.value);
}

/// As Service::run().
void MonitorHost::on_turn(const Event& event) {
  if (!alive() || event.generation != turn_) return;
  if (kernel_.now < frozen_until_) {
    turn_at_ = -1;
    return schedule(0);
  }
  turn_at_ = -1;
  const std::vector<Event> tasks = std::exchange(inbox_, {});
  std::size_t done = 0;
  try {
    engine_->wake(kernel_.now < overloaded_until_ + deafness && overloaded_until_ > 0);
    while (done < tasks.size()) handle(tasks[done++]);
    engine_->tick();
  } catch (const MonitorCrash&) {
    while (done < tasks.size()) discard(tasks[done++]);
    return crash(kernel_.random.permille(200));
  }
  if (!engine_->store_available() && !std::exchange(recovering_, true))
    kernel_.post(store_retry, {.what = What::store_returns, .generation = generation_});
  const TimePoint next = engine_->next_tick();
  schedule(std::max<Micros>(std::chrono::duration_cast<std::chrono::microseconds>(next - clock_of(kernel_.now)).count(),
                            100));
}

void MonitorHost::on_store_returns(const Event& event) {
  if (!alive() || event.generation != generation_) return;
  const auto image = store_.load();
  if (!image) {
    kernel_.post(store_retry, event);
    return;
  }
  recovering_ = false;
  try {
    engine_->restore(*image);
  } catch (const MonitorCrash&) {
    return crash(false);
  }
  schedule(0);
}

/// As Inbox and Service::disconnected() do: reports are turned away, connections closed before they are heard, and those
/// that break meanwhile may have been given up for the monitor's lateness.
bool MonitorHost::has_time_for(const Event& event) {
  if (kernel_.now >= overloaded_until_) return true;
  if (event.what == What::connection_closed) return kernel_.random.permille(300);
  const bool of_a_node = event.what == What::report_arrives && event.node >= 0;
  return !of_a_node || kernel_.random.permille(500);
}

/// That a report came may be all that is known of it.
void MonitorHost::turn_away(const Event& event) {
  if (event.what != What::report_arrives) return;
  const ReportMessage message = post_.reports.take(event.value);
  if (message.copy_of < 0 && kernel_.random.coin())
    engine_->heard(servers_.id_of(event.node), {message.token, message.connection, {}});
  answer(event.node, event.generation, message.exchange, autoctl::fail(Errc::unavailable, "no time"));
}

void MonitorHost::handle(const Event& event) {
  if (!has_time_for(event)) return turn_away(event);
  switch (event.what) {
    case What::report_arrives: return take_report(event);
    case What::connection_closed: return engine_->disconnected(static_cast<std::uint64_t>(event.value));
    case What::operator_asks: return ask(event);
    default:
      for (const monitor::ProbedPort port : {monitor::ProbedPort::postgres, monitor::ProbedPort::keeper})
        engine_->probed(servers_.id_of(static_cast<int>(event.value)), port,
                        port_of(static_cast<int>(event.value), port));
  }
}

void MonitorHost::take_report(const Event& event) {
  const ReportMessage message = post_.reports.take(event.value);
  if (duplicates && event.node >= 0 && kernel_.random.permille(5))
    kernel_.post(kernel_.random.skewed(100, seconds(2)), {.what = What::report_arrives,
                                                          .generation = event.generation,
                                                          .node = event.node,
                                                          .value = post_.reports.put(message)});
  ++kernel_.tally.reports;
  if (message.copy_of >= 0) return take_report_of_copy(message);
  const int node = event.node;
  const NodeFacts& facts = message.report.facts;
  if (facts.postgres_running && !facts.in_recovery && is_leader_state(store_.node(servers_.id_of(node)).goal.state))
    servers_.monitor_hears(node, facts.lsn.value);
  const std::uint32_t generation = event.generation;
  const std::uint32_t exchange = message.exchange;
  engine_->report(servers_.id_of(node), message.report, {message.token, message.connection, {}},
                  [this, node, generation, exchange](const Result<protocol::Assignment>& result) {
                    answer(node, generation, exchange, result);
                  });
}

void MonitorHost::take_report_of_copy(const ReportMessage& message) {
  const int group = servers_.group_of(message.copy_of);
  engine_->report(servers_.id_of(message.copy_of), message.report, {message.token, message.connection, {}},
                  [group](const Result<protocol::Assignment>& result) {
                    if (result) throw Violation{group, "a copy is taken for the node"};
                  });
}

void MonitorHost::answer(int node, std::uint32_t generation, std::uint32_t exchange,
                         const Result<protocol::Assignment>& result) {
  AnswerMessage message;
  if (result) {
    if (result->goal.term && !store_.was_committed(servers_.id_of(node), result->goal))
      throw Violation{servers_.group_of(node), "a decision is heard that was not committed"};
    if (result->citus && judge_plan) judge_plan(node, *result->citus);
    message.assignment = *result;
  } else {
    message.refused = true;
    message.overtaken = result.error().code == Errc::conflict;
    message.twin = result.error().code == Errc::twin;
    message.known_place = store_.node(servers_.id_of(node)).instance.place;
  }
  kernel_.post(kernel_.random.skewed(100, ms(60)), {.what = What::answer_arrives,
                                                    .generation = generation,
                                                    .node = node,
                                                    .peer = static_cast<std::int32_t>(exchange),
                                                    .value = post_.answers.put(std::move(message))});
}

/// For a switchover, for the maintenance of the node at that place, or its end; or to pause, or go on.
void MonitorHost::ask(const Event& event) {
  const int group = static_cast<int>(event.value);
  if (event.peer < 0 && event.generation != switchover)
    return engine_->change_settings(
        {grouping_.formation_of(group), {{"paused", event.generation == pause_begins ? "true" : "false"}}}, {},
        [](const auto&) {});
  protocol::OperationRequest request;
  request.formation = grouping_.formation_of(group);
  if (grouping_.citus()) request.group = grouping_.id_of(group);
  if (event.peer >= 0) {
    request.kind = event.generation == maintenance_ends ? "end_maintenance" : "maintenance";
    request.name = name_of(servers_.first_of(group) + event.peer);
    request.allow_failover = kernel_.random.coin();
  }
  engine_->start_operation(request, {}, [](const auto&) {});
}

void MonitorHost::watch(NodeId node, const monitor::ProbeTarget&) {
  const auto [entry, is_new] = watched_.try_emplace(node, 0);
  if (!is_new) return;
  entry->second = ++rounds_;
  kernel_.post(ms(1), {.what = What::probe, .generation = rounds_, .peer = servers_.node_of(node)});
}

PortState MonitorHost::port_of(int node, monitor::ProbedPort port) const {
  const Micros now = kernel_.now;
  const bool reached = servers_.host(node).powered && !servers_.frozen(node) && network_.open_to_monitor(node, now) &&
                       network_.open_from_monitor(node, now);
  if (!reached || (port == monitor::ProbedPort::postgres && servers_.hung(node))) return PortState::silent;
  const bool listens = port == monitor::ProbedPort::postgres ? servers_[node].running()
                                                             : keepers_[static_cast<std::size_t>(node)].alive();
  return listens ? PortState::open : PortState::refused;
}

/// Silence takes its time to be found.
void MonitorHost::on_probe(const Event& event) {
  const auto watched = watched_.find(servers_.id_of(event.peer));
  if (!alive() || watched == watched_.end() || watched->second != event.generation) return;
  inbox_.push_back({.what = What::probe, .value = event.peer});
  schedule(kernel_.random.between(20, 400));
  const bool silent = port_of(event.peer, monitor::ProbedPort::postgres) == PortState::silent;
  const Micros pause = event.value >= tries_in_haste
                           ? probe_pause_later
                           : probe_pauses[static_cast<std::size_t>(std::min<std::int64_t>(event.value, 3))];
  Event next = event;
  ++next.value;
  kernel_.post(pause + (silent ? probe_timeout : 0), next);
}

}  // namespace autoctl::simulator
