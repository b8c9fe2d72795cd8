// Every command, in the order in which help lists them. Each has its own file in this folder.
#pragma once

#include "cli/command.h"

namespace autoctl::cli {

void add_create_monitor(CLI::App& create, Invocation& invocation);
void add_create_postgres(CLI::App& create, Invocation& invocation);
void add_create_formation(CLI::App& create, Invocation& invocation);
void add_create_coordinator(CLI::App& create, Invocation& invocation);
void add_create_worker(CLI::App& create, Invocation& invocation);

void add_run(CLI::App& root, Invocation& invocation);
void add_stop(CLI::App& root, Invocation& invocation);
void add_pause(CLI::App& root, Invocation& invocation);
void add_resume(CLI::App& root, Invocation& invocation);
void add_activate(CLI::App& root, Invocation& invocation);
void add_reload(CLI::App& root, Invocation& invocation);
void add_status(CLI::App& root, Invocation& invocation);
void add_watch(CLI::App& root, Invocation& invocation);
void add_explain(CLI::App& root, Invocation& invocation);

/// stop, start, restart of a node's Postgres beside its living keeper.
void add_stop_postgres(CLI::App& stop, Invocation& invocation);
void add_start_postgres(CLI::App& start, Invocation& invocation);
void add_restart_postgres(CLI::App& restart, Invocation& invocation);

void add_show_state(CLI::App& show, Invocation& invocation);
void add_show_citus(CLI::App& show, Invocation& invocation);
void add_show_events(CLI::App& show, Invocation& invocation);
void add_show_uri(CLI::App& show, Invocation& invocation);
void add_show_settings(CLI::App& show, Invocation& invocation);
void add_show_standby_names(CLI::App& show, Invocation& invocation);
void add_show_timeline(CLI::App& show, Invocation& invocation);
void add_show_file(CLI::App& show, Invocation& invocation);
void add_show_systemd(CLI::App& show, Invocation& invocation);

/// failover, switchover, promotion.
void add_perform(CLI::App& perform, Invocation& invocation);

/// Of a group whose nodes disagree about its history.
void add_accept_timeline(CLI::App& accept, Invocation& invocation);

void add_drop_node(CLI::App& drop, Invocation& invocation);
void add_drop_monitor(CLI::App& drop, Invocation& invocation);
void add_drop_formation(CLI::App& drop, Invocation& invocation);

void add_config_get(CLI::App& config, Invocation& invocation);
void add_config_set(CLI::App& config, Invocation& invocation);
void add_config_check(CLI::App& config, Invocation& invocation);

void add_get_node(CLI::App& get, Invocation& invocation);
void add_get_formation(CLI::App& get, Invocation& invocation);
void add_set_node(CLI::App& set, Invocation& invocation);
void add_set_node_metadata(CLI::App& node, Invocation& invocation);
void add_set_formation(CLI::App& set, Invocation& invocation);

/// list, mermaid, check.
void add_inspect_fsm(CLI::App& inspect, Invocation& invocation);

void add_disable_monitor(CLI::App& parent, Invocation& invocation);
void add_enable_monitor(CLI::App& parent, Invocation& invocation);
void add_disable_maintenance(CLI::App& parent, Invocation& invocation);
void add_disable_secondary(CLI::App& parent, Invocation& invocation);
void add_enable_secondary(CLI::App& parent, Invocation& invocation);
void add_enable_maintenance(CLI::App& parent, Invocation& invocation);

void add_demo(CLI::App& root, Invocation& invocation);
void add_version(CLI::App& root, Invocation& invocation);
void add_help(CLI::App& root, Invocation& invocation);
void add_completion(CLI::App& root, Invocation& invocation);

}  // namespace autoctl::cli
