#include "monitor/service/service.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "common/util/logging.h"
#include "monitor/service/real_environment.h"

namespace autoctl::monitor {

namespace {

constexpr Millis backoff_min{100};
constexpr Millis backoff_max{2'000};

/// Waiting helps. What the store holds does not change while nothing can read it: that needs an operator.
bool passes_by_itself(Errc code) {
  return code != Errc::incompatible && code != Errc::bad_config;
}

}  // namespace

Service::Service(std::unique_ptr<Store> store, const Image& image, Access access)
    : store_(std::move(store)), last_turn_(std::chrono::steady_clock::now().time_since_epoch().count()) {
  prober_ = std::make_unique<SocketProber>([this](NodeId node, ProbedPort port, PortState state) {
    post([=](Engine& engine) { engine.probed(node, port, state); });
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
    queue_.push_back(std::move(task));
  }
  wake_.notify_all();
}

TimePoint Service::last_turn() const {
  return TimePoint(TimePoint::duration(last_turn_.load()));
}

void Service::run() {
  std::vector<Task> tasks;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_until(lock, engine_->next_tick(), [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      tasks.swap(queue_);
    }
    engine_->wake();
    for (const Task& task : tasks) task(*engine_);
    tasks.clear();
    engine_->tick();
    if (!engine_->store_available() && !recovering_) recover_store();
    last_turn_ = std::chrono::steady_clock::now().time_since_epoch().count();
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
