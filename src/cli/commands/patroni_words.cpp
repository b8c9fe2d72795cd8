// switchover and failover as patronictl has them; and what to type for those of its commands that have no place here.
// docs/coming-from-patroni.md lists them all.
#include "cli/commands/patroni_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "cli/commands/commands.h"
#include "cli/confirm.h"
#include "cli/monitor_connection.h"
#include "cli/operation.h"
#include "cli/output/members.h"
#include "cli/output/print.h"

namespace autoctl::cli {

namespace {

struct Answer {
  std::string_view word;
  std::string_view why;
  std::string_view instead;
};

constexpr Answer answers[] = {
    {"flush", "nothing is scheduled, so there is nothing to discard",
     "for a switchover at a set time: `at`, cron or systemd-run, and `autoctl switchover --force`"},
    {"edit-config", "the formation's settings are set one by one, and Postgres' settings are Postgres' own",
     "`autoctl set formation NAME VALUE` for timeouts and quorum; postgresql.conf or ALTER SYSTEM on each node, then "
     "`autoctl reload`"},
    {"show-config", "there is no document of it",
     "`autoctl show settings`; `autoctl config get` for what a node was told"},
    {"remove", "a formation is not forgotten while its nodes run",
     "`autoctl drop node` for each node, then `autoctl drop formation`"},
    {"demote-cluster", "no formation follows another one", "nothing yet: a standby cluster is not there"},
    {"promote-cluster", "no formation follows another one", "nothing yet: a standby cluster is not there"},
};

struct HandOverOptions {
  OperationOptions operation;
  std::string leader, candidate;
  std::optional<std::string> scheduled;
  bool force = false;
};

/// What is about to happen, shown and asked for. Errors: conflict (another node leads than the one that is named).
Result<> agree(const HandOverOptions& options, const std::string& what) {
  if (options.force && options.leader.empty()) return {};
  const Scope& scope = options.operation.scope;
  auto api = connect_monitor(options.operation.target);
  if (!api) return fail(api.error());
  const auto state = api->state(scope.formation, scope.group, call_timeout);
  if (!state) return fail(state.error());
  std::string leaders;
  for (const auto& node : state->nodes) {
    if (!is_leader_state(node.assigned)) continue;
    if (node.name == options.leader || options.leader.empty()) leaders += (leaders.empty() ? "" : ", ") + node.name;
  }
  if (leaders.empty() && !options.leader.empty())
    return fail(Errc::conflict, fmt::format("{} is not the leader", options.leader), "`autoctl list` shows who is");
  print(to_text(members_sheet(*state, scope.formation, scope.group), SheetFormat::pretty));
  return confirm(fmt::format("Are you sure you want to {} formation \"{}\"{}?", what, scope.formation,
                             leaders.empty() ? "" : ", demoting the current primary " + leaders),
                 options.force);
}

Result<ExitCode> hand_over(const HandOverOptions& options, const std::string& what) {
  if (options.scheduled && *options.scheduled != "now")
    return fail(Errc::bad_usage, "nothing can be scheduled here",
                "`at`, cron or systemd-run at that time, with `autoctl switchover --force`");
  OperationOptions operation = options.operation;
  if (operation.allow_data_loss && !options.candidate.empty())
    return fail(Errc::bad_usage, "--candidate and --allow-data-loss are both given",
                "with --allow-data-loss the standby that has most takes over: leave --candidate out");
  operation.name = options.candidate;
  AUTOCTL_TRY(agree(options, what));
  operation.no_wait = operation.no_wait || operation.allow_data_loss;  // nodes are missing: they may never follow
  AUTOCTL_TRY(run_operation(operation.allow_data_loss   ? "forced_failover"
                            : options.candidate.empty() ? "switchover"
                                                        : "promotion",
                            operation));
  return ExitCode::ok;
}

Result<ExitCode> switchover(const HandOverOptions& options) {
  return hand_over(options, "switch over");
}

Result<ExitCode> failover(const HandOverOptions& options) {
  return hand_over(options, "fail over");
}

void declare(Verb command, HandOverOptions& options) {
  add_changing_target(command, options.operation.target);
  add_worded_scope(command, options.operation.scope);
  command.add_option("--candidate", options.candidate, "the node to promote; default: the best").type_name("NODE");
  command.add_flag("--force", options.force, "do not ask");
  command.add_option("--wait", options.operation.wait_seconds, "stop waiting after this many seconds; default: 60")
      .positive()
      .type_name("SECONDS");
}

void declare_switchover(Verb command, HandOverOptions& options) {
  declare(command, options);
  command.add_option("--leader,--primary", options.leader, "refuse if another node is the primary").type_name("NODE");
  command.add_option("--scheduled", options.scheduled, "only `now`: nothing can be scheduled").type_name("TIME");
}

void declare_failover(Verb command, HandOverOptions& options) {
  declare(command, options);
  command.add_flag("--allow-data-loss", options.operation.allow_data_loss,
                   "there is no primary, and no standby can be elected: see `perform failover`");
}

}  // namespace

std::optional<Error> patroni_answer(const std::string& path, const std::string& word) {
  if (path.ends_with(" restart") && !word.starts_with('-'))
    return Error{Errc::bad_usage, "autoctl restart: a node's Postgres is restarted on the node itself, one at a time",
                 "`autoctl restart postgres --pgdata DIR` there; for a primary `autoctl switchover` first"};
  if (path.find(' ') != std::string::npos) return std::nullopt;
  const auto found = std::ranges::find(answers, word, &Answer::word);
  if (found == std::ranges::end(answers)) return std::nullopt;
  return Error{Errc::bad_usage, fmt::format("there is no `autoctl {}`: {}", word, found->why),
               std::string(found->instead)};
}

void add_hand_over_words(Verb root, Invocation& invocation) {
  add_command<HandOverOptions>(
      root, invocation, "switchover", "move the primary to a standby, as `perform switchover`; asks first",
      "autoctl switchover --pgdata /srv/pg --candidate node_2", declare_switchover, switchover);
  add_command<HandOverOptions>(
      root, invocation, "failover", "let a standby take over, as `perform failover`; asks first",
      "autoctl failover --pgdata /srv/pg --candidate node_2 --force", declare_failover, failover);
}

}  // namespace autoctl::cli
