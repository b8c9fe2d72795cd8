#include "keeper/agent/hand_over.h"

#include <spdlog/spdlog.h>

#include "common/monitor_client/monitor_api.h"
#include "common/monitor_client/node_endpoint.h"

namespace autoctl::keeper {

namespace {

using Clock = std::chrono::steady_clock;

/// For all of it: a machine that shuts down does not wait for ever.
constexpr Millis hand_over_patience{20'000};
constexpr Millis answer_timeout{2000};
constexpr timespec signal_interval{0, 50'000'000};
constexpr Millis successor_interval{500};

/// It is to be a standby, or to stay stopped: the new primary needs nothing of this node any more.
bool is_replaced(const Board& board) {
  const auto assignment = board.assignment();
  if (!assignment) return false;
  const NodeState goal = assignment->goal.state;
  return !may_accept_writes(goal) && goal != NodeState::draining && goal != NodeState::demote_timeout;
}

/// Why it will not happen; empty while it may.
std::string why_not(client::MonitorApi& api, std::int64_t operation) {
  const auto now = api.operation(operation, Millis{0}, answer_timeout);
  if (!now) return now.error().message;
  return now->status == "failed" ? now->message : "";
}

}  // namespace

void hand_over(const Board& board, const config::Config& config, const config::Files& files, const sigset_t& signals) {
  const NodeFacts facts = board.facts();
  const bool leads = facts.state == NodeState::primary || facts.state == NodeState::wait_primary;
  if (config.monitor_url.empty() || !leads || facts.streaming.empty() || !board.assignment() || board.is_refused())
    return;
  const auto deadline = Clock::now() + hand_over_patience;
  const auto endpoint = client::node_endpoint(config, files);
  auto api = endpoint ? client::MonitorApi::create(*endpoint) : fail(endpoint.error());
  if (!api) return spdlog::warn("No other node takes over before this one stops: {}", api.error().message);
  const auto operation = api->start_operation(
      {.kind = "hand_over", .formation = config.formation, .group = config.group, .name = config.name}, answer_timeout);
  if (!operation) return spdlog::info("No other node takes over before this one stops: {}", operation.error().message);
  spdlog::info("Handing over before it stops; another signal stops it at once");
  auto next_question = Clock::now() + successor_interval;
  while (!is_replaced(board)) {
    if (Clock::now() >= deadline) return spdlog::warn("The hand-over takes too long: stopping without it");
    if (sigtimedwait(&signals, nullptr, &signal_interval) > 0) return spdlog::warn("Stopping without a hand-over");
    if (Clock::now() < next_question) continue;
    next_question = Clock::now() + successor_interval;
    if (const std::string why = why_not(*api, operation->id); !why.empty())
      return spdlog::warn("The hand-over failed: {}", why);
  }
  spdlog::info("Another node takes over");
}

}  // namespace autoctl::keeper
