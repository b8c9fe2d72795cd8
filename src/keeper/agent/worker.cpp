#include "keeper/agent/worker.h"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

namespace autoctl::keeper {

namespace {

using Clock = std::chrono::steady_clock;

constexpr Millis longest_wait{1000};

void log(const Ready& ready) {
  for (const LogLine& line : ready.log) {
    switch (line.level) {
      case LogLine::Level::debug: spdlog::debug("{}", line.text); break;
      case LogLine::Level::info: spdlog::info("{}", line.text); break;
      case LogLine::Level::warning: spdlog::warn("{}", line.text); break;
      case LogLine::Level::error: spdlog::error("{}", line.text); break;
    }
  }
}

}  // namespace

void Worker::run() {
  while (!board_.stopping()) {
    const Ready ready = board_.ready();
    log(ready);
    if (ready.save)
      save(*ready.save);
    else if (ready.order)
      carry_out(*ready.order);
    else if (!ready.look)
      wait(ready.wake_at);
    if (ready.look || ready.idle()) look();
  }
}

void Worker::look() {
  Observation seen = server_.look({.takes_over_servers = board_.takes_over_servers(),
                                   .probes_upstream = board_.wants_upstream_probe(),
                                   .saved = board_.saved_state()});
  server_runs_ = seen.running;
  board_.tell(server_.take_news());
  board_.observed(std::move(seen));
}

void Worker::save(const SavedState& state) {
  if (auto saved = save_state(files_, state); saved)
    board_.saved();
  else
    board_.save_failed(std::move(saved.error()));
}

void Worker::carry_out(const Order& order) {
  spdlog::debug("Postgres: {}", to_string(order.kind));
  const auto progress = [this](int percent, const std::string& what) {
    if (percent != percent_ && percent % 5 == 0) spdlog::info("{} % {}", percent, what);
    percent_ = percent;
    board_.progressed(percent);
  };
  auto done = server_.carry_out(order, board_.saved_state(),
                                {.cancelled = [this] { return board_.cancelled(); },
                                 .progress = progress,
                                 .slots_given_up = [this](const auto& standbys) { board_.slots_given_up(standbys); }});
  percent_ = -1;
  if (done)
    board_.finished();
  else
    board_.failed(std::move(done.error()));
}

/// A server that was seen dead is no news: its descriptor stays readable, and would not let us sleep.
void Worker::wait(TimePoint until) {
  std::array<pollfd, 2> fds = {{{board_.wakeup_fd(), POLLIN, 0}, {server_runs_ ? server_.ended_fd() : -1, POLLIN, 0}}};
  const auto left = std::chrono::ceil<Millis>(until - Clock::now()).count();
  ::poll(fds.data(), fds.size(), static_cast<int>(std::clamp<long>(left, 0, longest_wait.count())));
  board_.drain_wakeup();
}

}  // namespace autoctl::keeper
