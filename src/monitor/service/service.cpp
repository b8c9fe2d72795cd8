#include "monitor/service/service.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "common/util/logging.h"
#include "monitor/service/real_environment.h"

namespace autoctl::monitor {

namespace {

constexpr Millis backoff_min{100};
constexpr Millis backoff_max{2'000};
/// Then time passes for the engine, whatever waits.
constexpr Millis round_max{50};
/// The server comes so late when reports may seem to be overdue,
constexpr Millis server_lag_tolerated{250};
/// and so late when its clients may give up before they are answered.
constexpr Millis server_lag_max{500};
/// A keeper whose connection was closed is back by then, or its connection is closed again.
constexpr Millis deafness{2'000};
constexpr Millis overload_interval{1'000};
/// Who asks for too much hears so after this long: as long as Retry-After says.
constexpr Millis refused_after{1'000};

TimePoint now() {
  return std::chrono::steady_clock::now();
}

/// Waiting helps. What the store holds does not change while nothing can read it: that needs an operator.
bool passes_by_itself(Errc code) {
  return code != Errc::incompatible && code != Errc::bad_config;
}

}  // namespace

Service::Service(std::unique_ptr<Store> store, const Image& image, Access access)
    : store_(std::move(store)), last_turn_(now().time_since_epoch().count()), looked_at_(now()) {
  prober_ = std::make_unique<SocketProber>([this](NodeId node, ProbedPort port, PortState state) {
    {
      const std::lock_guard lock(mutex_);
      if (!stopping_) inbox_.add_probe(node, port, state, now());
    }
    wake_.notify_all();
  });
  engine_ = std::make_unique<Engine>(*store_, *prober_, std::move(access), real_environment());
  post([image](Engine& engine) { engine.restore(image); });
  thread_ = std::thread([this] { run(); });
}

Service::~Service() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
  if (recovery_.joinable()) recovery_.join();
}

void Service::post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    inbox_.add(std::move(task));
  }
  wake_.notify_all();
}

bool Service::ask(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (!inbox_.add_request(std::move(task))) return false;
  }
  wake_.notify_all();
  return true;
}

bool Service::lets_in(NodeId node, const Caller& caller) {
  const std::lock_guard lock(mutex_);
  return inbox_.lets_in({node, caller}, now());
}

void Service::report(WaitingReport report) {
  {
    const std::lock_guard lock(mutex_);
    inbox_.add_report(std::move(report), now());
  }
  wake_.notify_all();
}

bool Service::affords(const Budgets::Sender& sender, const std::optional<Inbox::Sender>& report,
                      std::function<void()> refuse) {
  const std::lock_guard lock(mutex_);
  if (inbox_.affords(sender, report, now())) return true;
  inbox_.answer_later(std::move(refuse), now() + refused_after);
  wake_.notify_all();
  return false;
}

/// A client that gave up because it was not answered in time has not told anything about its node.
void Service::disconnected(std::uint64_t connection) {
  {
    const std::lock_guard lock(mutex_);
    const auto waited = inbox_.remove(connection, now());
    if (waited > Inbox::report_wait_max || now() < late_until_) return;
  }
  post([connection](Engine& engine) { engine.disconnected(connection); });
}

void Service::strained(const http::Strain& strain) {
  const std::lock_guard lock(mutex_);
  strain_ += {.turned_away = strain.turned_away, .lag = strain.lag};
  if (strain.lag >= server_lag_max) late_until_ = now() + deafness;
  if (strain.lag >= server_lag_tolerated || strain.turned_away > 0) deaf_until_ = now() + deafness;
}

TimePoint Service::last_turn() const {
  return TimePoint(TimePoint::duration(last_turn_.load()));
}

void Service::run() {
  while (wait_for_work()) {
    work_for_a_while();
    engine_->tick();
    tell_overload();
    if (!engine_->store_available() && !recovering_) recover_store();
    last_turn_ = now().time_since_epoch().count();
  }
}

/// False when it is over.
bool Service::wait_for_work() {
  std::unique_lock lock(mutex_);
  const TimePoint tick = engine_->next_tick();
  while (!stopping_ && inbox_.empty()) {  // a late answer may have been added while it waits
    const TimePoint until = std::min(tick, inbox_.next_answer().value_or(tick));
    if (now() >= until) break;
    wake_.wait_until(lock, until);
  }
  return !stopping_;
}

/// A node that speaks and waits has been heard before time passes.
void Service::work_for_a_while() {
  const TimePoint began = now();
  std::unique_lock lock(mutex_);
  const bool deaf = began < deaf_until_;
  lock.unlock();
  engine_->wake(deaf);
  lock.lock();
  while (now() - began < round_max) {
    const auto task = inbox_.take(now());
    if (!task) break;
    lock.unlock();
    (*task)(*engine_);
    lock.lock();
  }
  const auto unheard = inbox_.unheard();
  const auto late_answers = inbox_.due_answers(now());
  lock.unlock();
  for (const auto& answer : late_answers) answer();
  for (const auto& [node, caller] : unheard) engine_->heard(node, caller);
}

void Service::tell_overload() {
  if (now() - looked_at_ < overload_interval) return;
  looked_at_ = now();
  Backlog backlog;
  {
    const std::lock_guard lock(mutex_);
    backlog = inbox_.backlog();
    backlog += std::exchange(strain_, {});
  }
  const auto news = overload_.look(backlog, looked_at_);
  overloaded_ = overload_.is_on();
  if (news) engine_->overloaded(news->begins, news->words);
  tell_budgets();
}

void Service::tell_budgets() {
  std::vector<Budgets::News> news;
  {
    const std::lock_guard lock(mutex_);
    news = inbox_.budget_news(now());
  }
  for (const Budgets::News& one : news) {
    spdlog::warn("{} {}", one.name, one.words);
    if (one.node) engine_->tell_of(one.node, one.words);
  }
}

void Service::recover_store() {
  recovering_ = true;
  if (recovery_.joinable()) recovery_.join();
  recovery_ = std::thread([this] { load_until_done(); });
}

void Service::load_until_done() {
  Millis pause = backoff_min;
  std::string told;
  for (;;) {
    auto image = store_->load();
    if (image) {
      post([this, loaded = *std::move(image)](Engine& engine) {
        recovering_ = false;
        engine.restore(loaded);
      });
      return;
    }
    const Error& why = image.error();
    if (!passes_by_itself(why.code) && why.message != told) {
      told = why.message;
      logging::error(why);
    }
    spdlog::debug("The monitor's Postgres is still away: {}", why.message);
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, pause, [this] { return stopping_; })) return;
    pause = std::min(2 * pause, backoff_max);
  }
}

}  // namespace autoctl::monitor
