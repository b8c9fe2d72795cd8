// A keeper's connections to the monitor: a report held open all the time, and a second one for what is urgent. And the
// fence, which waits for the lease.
#include <algorithm>

#include "keeper.h"

namespace autoctl::simulator {

namespace {

Micros micros(Millis duration) {
  return ms(duration.count());
}

}  // namespace

void Keeper::send(bool wait) {
  Exchange& exchange = wait ? heartbeat_ : messenger_;
  if (exchange.connection == 0) exchange.connection = ++post_->connections;
  exchange.id = ++post_->exchanges;
  exchange.left = kernel_->now;
  if (chain_->wants_link(clock()) && !chance_of_a_full_disk()) take_link();
  ReportMessage message{.report = core_->next_report(wait, clock()),
                        .token = token_,
                        .connection = exchange.connection,
                        .exchange = exchange.id};
  protocol::Report& report = message.report;
  report.instance = chain_->current();
  exchange.link = report.instance.id;
  judge_report(report);
  exchange.last_news = report.news.empty() ? 0 : report.news.back().number;
  report.host = host_;
  report.port = port_;
  report.api_port = port_ + 1;
  kernel_->post(kernel_->random.skewed(100, ms(60)), {.what = What::report_arrives,
                                                      .generation = generation_,
                                                      .node = node_,
                                                      .value = post_->reports.put(std::move(message))});
  const auto& known = core_->assignment();
  const Millis heartbeat = wait ? (known ? known->heartbeat : Millis{1000}) : Millis{0};
  kernel_->post(
      micros(heartbeat + exchange.patience.now()),
      {.what = What::exchange_failed, .generation = generation_, .node = node_, .value = std::int64_t{exchange.id}});
}

void Keeper::send_what_is_urgent() {
  if (alive() && core_->is_urgent() && messenger_.id == 0) send(false);
}

void Keeper::on_heartbeat(const Event& event) {
  if (!alive() || event.generation != heartbeat_turn_ || heartbeat_.id != 0) return;
  heartbeat_waits_for_facts_ = false;
  send(true);
}

void Keeper::on_answer(const Event& event) {
  const AnswerMessage answer = post_->answers.take(event.value);
  const auto id = static_cast<std::uint32_t>(event.peer);
  if (!alive() || event.generation != generation_ || !network_->open_from_monitor(node_, kernel_->now)) return;
  const bool waits = heartbeat_.id == id;
  if (!waits && messenger_.id != id) return;
  Exchange& exchange = waits ? heartbeat_ : messenger_;
  if (answer.twin) return refused(exchange, waits, answer.known_place);
  if (answer.refused && !answer.overtaken) return failed_exchange(exchange);
  exchange.id = 0;
  if (!answer.refused) {
    exchange.patience.answered();
    chain_->confirmed(exchange.link);
    core_->told(exchange.last_news);
    if (core_->answered(answer.assignment, clock_of(exchange.left), clock())) wake(kernel_->random.between(50, 2000));
    fenced_later_ = std::max(fenced_later_, exchange.left + micros(answer.assignment.lease));
    judge_lease();
    watch_lease();
  }
  if (waits) {
    heartbeat_waits_for_facts_ = !answer.refused && answer.assignment.check_upstream;
    kernel_->post(heartbeat_waits_for_facts_ ? micros(keeper::question_patience) : 0,
                  {.what = What::heartbeat, .generation = ++heartbeat_turn_, .node = node_});
  } else {
    send_what_is_urgent();
  }
}

/// It asks again: where its disk was moved it is refused until the machine where that was is taken for dead. A monitor
/// that was restored from a backup may not know of a later move.
void Keeper::refused(Exchange& exchange, bool waits, const std::string& known_place) {
  if (known_place == place()) throw Violation{servers_->group_of(node_), "a node is taken for its own copy"};
  exchange.id = 0;
  core_->refused({Errc::twin, "another keeper is this node", ""});
  kernel_->post(0, {.what = What::fence_turn, .generation = generation_, .node = node_});
  kernel_->post(seconds(1), {.what = waits ? What::heartbeat : What::messenger_turn,
                             .generation = waits ? ++heartbeat_turn_ : generation_,
                             .node = node_});
}

void Keeper::on_exchange_failed(const Event& event) {
  if (!alive() || event.generation != generation_) return;
  for (Exchange* exchange : {&heartbeat_, &messenger_})
    if (exchange->id != 0 && exchange->id == static_cast<std::uint32_t>(event.value)) {
      exchange->patience.ran_out();
      failed_exchange(*exchange);
    }
}

void Keeper::failed_exchange(Exchange& exchange) {
  kernel_->post(
      kernel_->random.skewed(100, ms(60)),
      {.what = What::connection_closed, .node = node_, .value = static_cast<std::int64_t>(exchange.connection)});
  exchange.id = 0;
  exchange.connection = 0;
  core_->report_failed();
  if (&exchange == &messenger_) core_->send_failed();
  kernel_->post(micros(keeper::report_retry_pause),
                {.what = &exchange == &heartbeat_ ? What::heartbeat : What::messenger_turn,
                 .generation = &exchange == &heartbeat_ ? ++heartbeat_turn_ : generation_,
                 .node = node_});
}

void Keeper::on_messenger(const Event& event) {
  if (event.generation == generation_) send_what_is_urgent();
}

void Keeper::connections_broke() {
  if (!alive()) return;
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
  const auto at = core_->fence_at();
  if (!at || fence_watched_) return;
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(*at - clock()).count();
  fence_watched_ = true;
  kernel_->post(std::max<Micros>(left, 0), {.what = What::fence_turn, .generation = generation_, .node = node_});
}

void Keeper::on_fence(const Event& event) {
  if (!alive() || event.generation != generation_) return;
  fence_watched_ = false;
  const auto at = core_->fence_at();
  if (at && clock() >= *at) {
    note("FENCES ITSELF");
    servers_->kill(node_);
    core_->fenced();
    wake(ms(1));
  }
  watch_lease();
}

}  // namespace autoctl::simulator
