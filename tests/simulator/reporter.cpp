// A keeper's talk with the monitor: a report held open all the time, and a second connection for what is urgent.
#include "keeper.h"

namespace autoctl::simulator {

namespace {

constexpr Micros answer_patience = seconds(2);
constexpr Micros retry_pause = ms(100);
constexpr Micros question_patience = ms(600);

}  // namespace

void Keeper::send(bool wait) {
  Exchange& exchange = wait ? heartbeat_ : messenger_;
  if (exchange.connection == 0) exchange.connection = ++post_->connections;
  exchange.id = ++post_->exchanges;
  exchange.left = kernel_->now;
  ReportMessage message{.token = token_, .connection = exchange.connection, .exchange = exchange.id};
  protocol::Report& report = message.report;
  report.epoch = saved_.epoch;
  report.sequence = ++sequence_;
  report.wait = wait;
  report.known_version = assignment_ ? assignment_->version : 0;
  report.host = host_;
  report.port = port_;
  report.api_port = port_ + 1;
  report.facts = published_;
  report.citus = citus_;
  urgent_ = false;
  kernel_->post(kernel_->random.skewed(100, ms(60)), {.what = What::report_arrives,
                                                      .generation = generation_,
                                                      .node = node_,
                                                      .value = post_->reports.put(std::move(message))});
  const Millis heartbeat = wait ? (assignment_ ? assignment_->heartbeat : Millis{1000}) : Millis{0};
  kernel_->post(
      ms(heartbeat.count()) + answer_patience,
      {.what = What::exchange_failed, .generation = generation_, .node = node_, .value = std::int64_t{exchange.id}});
}

std::optional<protocol::CitusPlan> Keeper::citus_duty() const {
  const bool leads = alive_ && assignment_ && is_leader_state(assignment_->goal.state) && is_leader_state(facts_.state);
  if (!leads || !published_.postgres_running || published_.in_recovery || fenced_) return std::nullopt;
  return assignment_->citus;
}

void Keeper::set_citus(std::optional<protocol::CitusFacts> facts, bool urgent) {
  citus_ = std::move(facts);
  if (!urgent) return;
  urgent_ = true;
  if (messenger_.id == 0) send(false);
}

void Keeper::on_heartbeat(const Event& event) {
  if (!alive_ || event.generation != heartbeat_turn_ || heartbeat_.id != 0) return;
  heartbeat_waits_for_facts_ = false;
  send(true);
}

void Keeper::on_answer(const Event& event) {
  const AnswerMessage answer = post_->answers.take(event.value);
  const auto id = static_cast<std::uint32_t>(event.peer);
  if (!alive_ || event.generation != generation_ || !network_->open_from_monitor(node_, kernel_->now)) return;
  const bool waits = heartbeat_.id == id;
  if (!waits && messenger_.id != id) return;
  Exchange& exchange = waits ? heartbeat_ : messenger_;
  if (answer.refused && !answer.overtaken) return failed_exchange(exchange);
  exchange.id = 0;
  if (!answer.refused) offer(answer.assignment, exchange.left);
  if (waits) {
    heartbeat_waits_for_facts_ = !answer.refused && answer.assignment.check_upstream;
    kernel_->post(heartbeat_waits_for_facts_ ? question_patience : 0,
                  {.what = What::heartbeat, .generation = ++heartbeat_turn_, .node = node_});
  } else if (urgent_) {
    send(false);
  }
}

/// As Board::offer().
void Keeper::offer(const protocol::Assignment& assignment, Micros left) {
  lease_.renew(clock_of(left), assignment.lease);
  const bool newer = !assignment_ || assignment.version > assignment_->version || left > assigned_at_;
  const bool differs = newer && (!assignment_ || assignment.version != assignment_->version);
  if (newer) {
    assignment_ = assignment;
    assigned_at_ = kernel_->now;
    lease_.require(assignment.lease_required);
  }
  if (assignment.check_upstream) question_ = true;
  watch_lease();
  if (differs || assignment.check_upstream || fenced_) wake(kernel_->random.between(50, 2000));
}

void Keeper::on_exchange_failed(const Event& event) {
  if (!alive_ || event.generation != generation_) return;
  for (Exchange* exchange : {&heartbeat_, &messenger_})
    if (exchange->id != 0 && exchange->id == static_cast<std::uint32_t>(event.value)) failed_exchange(*exchange);
}

void Keeper::failed_exchange(Exchange& exchange) {
  kernel_->post(
      kernel_->random.skewed(100, ms(60)),
      {.what = What::connection_closed, .node = node_, .value = static_cast<std::int64_t>(exchange.connection)});
  exchange.id = 0;
  exchange.connection = 0;
  if (&exchange == &heartbeat_)
    kernel_->post(retry_pause, {.what = What::heartbeat, .generation = ++heartbeat_turn_, .node = node_});
  else if (urgent_)
    send(false);
}

void Keeper::connections_broke() {
  if (!alive_) return;
  for (Exchange* exchange : {&heartbeat_, &messenger_}) {
    if (exchange->id == 0)
      exchange->connection = 0;
    else
      kernel_->post(kernel_->random.skewed(100, ms(60)), {.what = What::exchange_failed,
                                                          .generation = generation_,
                                                          .node = node_,
                                                          .value = std::int64_t{exchange->id}});
  }
}

/// As the fence's thread: sleeps until the lease is over, looks again whenever something about it has changed.
void Keeper::watch_lease() {
  const keeper::Lease::Guard guard = lease_.guard();
  if (!guard.armed || fenced_ || fence_watched_) return;
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(guard.until - clock()).count();
  fence_watched_ = true;
  kernel_->post(std::max<Micros>(left, 0), {.what = What::fence_turn, .generation = generation_, .node = node_});
}

void Keeper::on_fence(const Event& event) {
  if (!alive_ || event.generation != generation_) return;
  fence_watched_ = false;
  const keeper::Lease::Guard guard = lease_.guard();
  if (guard.armed && !fenced_ && clock() >= guard.until) {
    note("FENCES ITSELF");
    servers_->kill(node_);
    fenced_ = true;
    wake(ms(1));
  }
  watch_lease();
}

}  // namespace autoctl::simulator
