#include "cli/operation.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>

#include "cli/monitor_connection.h"
#include "cli/output/events.h"
#include "cli/output/print.h"
#include "cli/output/state_document.h"

namespace autoctl::cli {

namespace {

using Clock = std::chrono::steady_clock;
using protocol::StateDocument;

constexpr Millis answer_timeout{5000};
/// Long enough to be quiet, short enough to see the end of an operation that has no last event.
constexpr Millis events_wait{500};
constexpr Millis event_pause{200};

bool is_transient(const Error& error) {
  return error.code == Errc::unavailable || error.code == Errc::timeout;
}

std::string why_not_settled(const StateDocument& state) {
  for (const auto& group : state.groups)
    if (!group.waiting_for.empty()) return group.waiting_for;
  return "not every node has reached its assigned state";
}

/// Follows one operation to its end.
class Follower {
 public:
  Follower(client::MonitorApi& api, const StateDocument& before, const protocol::OperationDocument& operation,
           const std::string& kind, const OperationOptions& options)
      : api_(api),
        requested_(kind),
        options_(options),
        before_(primary_of(before)),
        operation_(operation),
        last_event_(operation.first_event),
        table_(notifications_table(before)) {
    const auto* formation = find_formation(before, operation.formation);
    if (formation != nullptr) kind_ = formation->kind;
  }

  Result<> run(Clock::time_point deadline) {
    print(table_.head());
    while (Clock::now() < deadline) {
      AUTOCTL_TRY(print_events());
      auto ended = has_ended();
      if (!ended) return fail(std::move(ended.error()));
      if (*ended) return print_events();
    }
    return fail(Errc::timeout, fmt::format("it has not finished yet: {}", waiting_for_),
                "the operation continues; `autoctl show state` and `autoctl show events` show how far it is");
  }

 private:
  /// Waits for events; a monitor that is away for a moment is waited for, too.
  Result<> print_events() {
    const auto events = api_.events({.formation = operation_.formation,
                                     .group = operation_.group,
                                     .after = last_event_,
                                     .wait = operation_over_ ? Millis{0} : events_wait},
                                    answer_timeout);
    if (!events) {
      if (!is_transient(events.error())) return fail(events.error());
      std::this_thread::sleep_for(event_pause);
      return {};
    }
    for (const auto& event : events->events)
      if (event.node) print(table_.line(notification_row(event, kind_)));
    last_event_ = std::max(last_event_, events->last_id);
    return {};
  }

  Result<bool> has_ended() {
    const auto operation = api_.operation(operation_.id, Millis{0}, answer_timeout);
    if (!operation) return is_transient(operation.error()) ? Result<bool>(false) : fail(operation.error());
    waiting_for_ = operation->message.empty() ? "the operation is still running" : operation->message;
    if (operation->status == "failed")
      return fail(Errc::conflict, fmt::format("it did not happen: {}", operation->message),
                  "`autoctl show events` shows what was tried");
    if (operation->status != "done") return false;
    const auto state = api_.state(operation_.formation, operation_.group, answer_timeout);
    if (!state) return is_transient(state.error()) ? Result<bool>(false) : fail(state.error());
    waiting_for_ = why_not_settled(*state);
    operation_over_ = is_fulfilled(requested_, options_, *state, before_);
    return operation_over_;
  }

  client::MonitorApi& api_;
  std::string requested_;
  const OperationOptions& options_;
  NodeId before_;
  protocol::OperationDocument operation_;
  std::int64_t last_event_;
  Table table_;
  std::string kind_ = "pgsql";
  std::string waiting_for_ = "the operation has not begun";
  bool operation_over_ = false;
};

}  // namespace

NodeId primary_of(const StateDocument& state) {
  for (const auto& node : state.nodes)
    if (is_leader_state(node.assigned)) return node.id;
  return {};
}

bool is_announced(const StateDocument& state, NodeId before) {
  return std::ranges::any_of(state.nodes, [before](const auto& node) {
    return node.id != before && is_leader_state(node.assigned) && is_leader_state(node.reported);
  });
}

bool is_settled(const StateDocument& state) {
  int primaries = 0;
  for (const auto& node : state.nodes) {
    if (node.assigned == NodeState::dropped) continue;
    if (node.reported != node.assigned) return false;
    const bool leads = node.assigned == NodeState::primary || node.assigned == NodeState::single;
    primaries += leads ? 1 : 0;
    if (!leads && node.assigned != NodeState::secondary && node.assigned != NodeState::maintenance) return false;
  }
  return primaries == 1;
}

bool is_fulfilled(const std::string& kind, const OperationOptions& options, const StateDocument& state, NodeId before) {
  if (kind == "maintenance") return true;  // the operation has seen it there
  if (kind == "end_maintenance" || kind == "reinit")
    return options.no_wait || std::ranges::any_of(state.nodes, [&](const auto& node) {
             return node.name == options.name && node.reported == NodeState::secondary &&
                    node.assigned == node.reported;
           });
  return is_announced(state, before) && (options.no_wait || is_settled(state));
}

Result<> find_group_of_node(OperationOptions& options) {
  if (options.scope.group) return {};
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto state = api->state(options.scope.formation, std::nullopt, call_timeout);
  if (!state) return fail(state.error());
  const auto node = std::ranges::find(state->nodes, options.name, &protocol::NodeDocument::name);
  if (node == state->nodes.end())
    return fail(Errc::not_found,
                fmt::format("there is no node '{}' in formation '{}'", options.name, options.scope.formation),
                "`autoctl show state` lists the nodes");
  options.scope.group = node->group;
  return {};
}

Result<> run_operation(const std::string& kind, const OperationOptions& options) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  auto before = api->state(options.scope.formation, options.scope.group, answer_timeout);
  if (!before) return fail(before.error());
  const auto deadline = Clock::now() + std::chrono::seconds(options.wait_seconds);
  const auto operation = api->start_operation({.kind = kind,
                                               .formation = options.scope.formation,
                                               .group = options.scope.group,
                                               .name = options.name,
                                               .allow_failover = options.allow_failover,
                                               .timeline = Timeline{options.timeline}},
                                              answer_timeout);
  if (!operation) return fail(operation.error());
  std::erase_if(before->nodes, [&](const auto& node) { return node.group != operation->group; });
  const std::string where = fmt::format("in formation \"{}\" and group {}", operation->formation, operation->group);
  if (!kind.ends_with("maintenance") && kind != "reinit")
    spdlog::info("Waiting {} secs for a notification with state \"primary\" {}", options.wait_seconds, where);
  spdlog::info("Listening monitor notifications about state changes {}", where);
  spdlog::info("Following table displays times when notifications are received");
  return Follower(*api, *before, *operation, kind, options).run(deadline);
}

}  // namespace autoctl::cli
