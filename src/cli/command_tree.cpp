#include "cli/command_tree.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <set>

#include "cli/commands/commands.h"
#include "cli/help_formatter.h"
#include "common/util/program_name.h"
#include "common/util/version.h"

namespace autoctl::cli {

namespace {

/// Accepted at every command, so that users need not know where -v goes.
void add_log_options(CLI::App& command, LogOptions& log) {
  // Added up, because the option may be given to several commands of one line.
  const auto count_into = [](int& counter) {
    return [&counter](std::int64_t times) { counter += static_cast<int>(times); };
  };
  command.add_flag_function("-v,--verbose", count_into(log.verbose), "more log lines; twice: still more")->group("Log");
  command.add_flag_function("-q,--quiet", count_into(log.quiet), "warnings and errors only; twice: errors only")
      ->group("Log");
  command.add_option("--log-format", log.format, "format of the log lines on stderr")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("text|json")
      ->group("Log");
}

void add_log_options_below(CLI::App& app, LogOptions& log) {
  for (CLI::App* child : children(app)) {
    add_log_options(*child, log);
    add_log_options_below(*child, log);
  }
}

/// These print a text that is no data: a page, a picture, a unit, a log.
bool prints_a_text(const std::string& path) {
  static const std::set<std::string> paths = {
      "help", "completion",           "show systemd",         "inspect fsm mermaid", "inspect fsm gv",
      "demo", "inspect fsm markdown", "inspect pgsetup logs", "inspect pgsetup tune"};
  return paths.contains(path.substr(path.find(' ') + 1));
}

/// Each command has --json: where it has nothing to tell, how it ended.
void add_json_below(CLI::App& app, Invocation& invocation) {
  for (CLI::App* child : children(app)) {
    add_json_below(*child, invocation);
    const bool is_command = child->get_require_subcommand_min() == 0;
    if (!is_command || child->get_group().empty() || prints_a_text(path_of(*child))) continue;
    if (child->get_option_no_throw("--json") != nullptr) continue;
    child->add_flag("--json", invocation.json_outcome,
                    "print as JSON how it ended: command, exit_code and, if it failed, error");
  }
}

void add_show(Verb root, Invocation& invocation) {
  Verb show = root.add_group("show", "state, events, connection strings and settings of a formation");
  add_show_state(show, invocation);
  add_show_citus(show, invocation);
  add_show_events(show, invocation);
  add_show_uri(show, invocation);
  add_show_settings(show, invocation);
  add_show_standby_names(show, invocation);
  add_show_timeline(show, invocation);
  add_show_file(show, invocation);
  add_show_certificates(show, invocation);
  add_show_systemd(show, invocation);
}

void add_inspect_and_manual(Verb root, Invocation& invocation) {
  Verb inspect = root.add_group("inspect", "print how autoctl decides, and what it finds on this machine");
  add_inspect_fsm(inspect, invocation);
  add_inspect_show(inspect, invocation);
  const Verb pgsetup = add_inspect_pgsetup(inspect, invocation);
  const Verb monitor = add_inspect_monitor(inspect, invocation);
  add_inspect_getpid(inspect, invocation);
  Verb manual = root.add_group("manual", "by hand what automation does otherwise");
  const Verb restart = add_manual_service(manual, invocation);
  add_not_here({{"", root},
                {"inspect pgsetup", pgsetup},
                {"inspect monitor", monitor},
                {"manual", manual},
                {"manual service restart", restart}},
               invocation);
}

void add_groups(Verb root, Invocation& invocation) {
  Verb create = root.add_group("create", "create a monitor, a node or a formation");
  add_create_monitor(create, invocation);
  add_create_postgres(create, invocation);
  add_create_formation(create, invocation);
  add_create_coordinator(create, invocation);
  add_create_worker(create, invocation);
  add_show(root, invocation);
  add_perform(root.add_group("perform", "make another node the primary"), invocation);
  add_accept_timeline(root.add_group("accept", "decide what autoctl may not decide by itself"), invocation);
  Verb drop = root.add_group("drop", "remove a node, a monitor or a formation");
  add_drop_node(drop, invocation);
  add_drop_monitor(drop, invocation);
  add_drop_formation(drop, invocation);
  Verb config = root.add_group("config", "print, change or check a configuration");
  add_config_get(config, invocation);
  add_config_set(config, invocation);
  add_config_check(config, invocation);
  Verb get = root.add_group("get", "print a setting of a node or a formation");
  add_get_node(get, invocation);
  add_get_formation(get, invocation);
  Verb set = root.add_group("set", "change a setting of a node or a formation");
  add_set_node(set, invocation);
  add_set_formation(set, invocation);
  Verb enable = root.add_group(
      "enable", "take a node out of service, give it another monitor, let groups have standbys, encrypt");
  add_enable_maintenance(enable, invocation);
  add_enable_secondary(enable, invocation);
  add_enable_monitor(enable, invocation);
  add_enable_ssl(enable, invocation);
  Verb disable = root.add_group(
      "disable",
      "take a node back into service, detach it from its monitor, limit groups to one node, stop to encrypt");
  add_disable_maintenance(disable, invocation);
  add_disable_secondary(disable, invocation);
  add_disable_monitor(disable, invocation);
  add_disable_ssl(disable, invocation);
  add_rotate_password(root.add_group("rotate", "replace a credential by a new one"), invocation);
  add_certificate(root.add_group("certificate", "certificates of the monitor's authority"), invocation);
  add_token(root.add_group("token", "credentials for others: with a join token a node registers"), invocation);
  add_inspect_and_manual(root, invocation);
}

void add_single_commands(Verb root, Invocation& invocation) {
  add_run(root, invocation);
  add_stop(root, invocation);
  add_start_postgres(root.add_group("start", "let a node's Postgres run again"), invocation);
  add_restart_postgres(root.add_group("restart", "restart a node's Postgres"), invocation);
  add_pause(root, invocation);
  add_resume(root, invocation);
  add_activate(root, invocation);
  add_reload(root, invocation);
  add_status(root, invocation);
  add_watch(root, invocation);
  add_explain(root, invocation);
  add_list(root, invocation);
  add_topology(root, invocation);
  add_history(root, invocation);
  add_dsn(root, invocation);
  add_query(root, invocation);
  add_reinit(root, invocation);
  add_hand_over_words(root, invocation);
  add_demo(root, invocation);
  add_version(root, invocation);
  add_help(root, invocation);
  add_completion(root, invocation);
}

}  // namespace

std::vector<CLI::App*> children(const CLI::App& app) {
  // CLI11 has no const way to list subcommands; an empty filter changes nothing.
  return const_cast<CLI::App&>(app).get_subcommands([](CLI::App*) { return true; });
}

std::unique_ptr<CLI::App> make_command_tree(Invocation& invocation, LogOptions& log) {
  auto root = std::make_unique<CLI::App>("automated failover for PostgreSQL", std::string(program_name()));
  root->require_subcommand(1);
  auto formatter = std::make_shared<HelpFormatter>();
  formatter->column_width(34);
  root->formatter(formatter);
  root->footer("Each command has its own --help, with an example.");
  root->set_version_flag("--version", fmt::format("{} version {}", program_name(), program_version),
                         "print the version");
  add_log_options(*root, log);
  add_groups(Verb(*root), invocation);
  add_single_commands(Verb(*root), invocation);
  add_log_options_below(*root, log);
  add_json_below(*root, invocation);
  return root;
}

}  // namespace autoctl::cli
