// Every command, in the order in which help lists them. Each has its own file in this folder.
#pragma once

#include "cli/command.h"

namespace autoctl::cli {

void add_create_monitor(Verb create, Invocation& invocation);
void add_create_postgres(Verb create, Invocation& invocation);
void add_create_formation(Verb create, Invocation& invocation);
void add_create_coordinator(Verb create, Invocation& invocation);
void add_create_worker(Verb create, Invocation& invocation);

void add_run(Verb root, Invocation& invocation);
void add_stop(Verb root, Invocation& invocation);
void add_pause(Verb root, Invocation& invocation);
void add_resume(Verb root, Invocation& invocation);
void add_activate(Verb root, Invocation& invocation);
void add_reload(Verb root, Invocation& invocation);
void add_status(Verb root, Invocation& invocation);
void add_watch(Verb root, Invocation& invocation);
void add_explain(Verb root, Invocation& invocation);

/// stop, start, restart of a node's Postgres beside its living keeper.
void add_stop_postgres(Verb stop, Invocation& invocation);
void add_start_postgres(Verb start, Invocation& invocation);
void add_restart_postgres(Verb restart, Invocation& invocation);

/// What patronictl's users type.
void add_list(Verb root, Invocation& invocation);
void add_topology(Verb root, Invocation& invocation);
void add_history(Verb root, Invocation& invocation);
void add_dsn(Verb root, Invocation& invocation);
void add_query(Verb root, Invocation& invocation);
void add_reinit(Verb root, Invocation& invocation);
void add_hand_over_words(Verb root, Invocation& invocation);

void add_show_state(Verb show, Invocation& invocation);
void add_show_citus(Verb show, Invocation& invocation);
void add_show_events(Verb show, Invocation& invocation);
void add_show_uri(Verb show, Invocation& invocation);
void add_show_settings(Verb show, Invocation& invocation);
void add_show_standby_names(Verb show, Invocation& invocation);
void add_show_timeline(Verb show, Invocation& invocation);
void add_show_file(Verb show, Invocation& invocation);
void add_show_certificates(Verb show, Invocation& invocation);
void add_show_systemd(Verb show, Invocation& invocation);

/// failover, switchover, promotion.
void add_perform(Verb perform, Invocation& invocation);

/// Of a group whose nodes disagree about its history.
void add_accept_timeline(Verb accept, Invocation& invocation);

void add_drop_node(Verb drop, Invocation& invocation);
void add_drop_monitor(Verb drop, Invocation& invocation);
void add_drop_formation(Verb drop, Invocation& invocation);

void add_config_get(Verb config, Invocation& invocation);
void add_config_set(Verb config, Invocation& invocation);
void add_config_check(Verb config, Invocation& invocation);

void add_get_node(Verb get, Invocation& invocation);
void add_get_formation(Verb get, Invocation& invocation);
void add_set_node(Verb set, Invocation& invocation);
void add_set_node_metadata(Verb node, Invocation& invocation);
void add_set_formation(Verb set, Invocation& invocation);

/// list, mermaid, check.
void add_inspect_fsm(Verb inspect, Invocation& invocation);

void add_rotate_password(Verb rotate_group, Invocation& invocation);

/// create, list, revoke.
void add_token(Verb token, Invocation& invocation);

void add_disable_monitor(Verb parent, Invocation& invocation);
void add_enable_monitor(Verb parent, Invocation& invocation);
void add_enable_ssl(Verb parent, Invocation& invocation);
void add_disable_ssl(Verb parent, Invocation& invocation);
void add_disable_maintenance(Verb parent, Invocation& invocation);
void add_disable_secondary(Verb parent, Invocation& invocation);
void add_enable_secondary(Verb parent, Invocation& invocation);
void add_enable_maintenance(Verb parent, Invocation& invocation);

void add_demo(Verb root, Invocation& invocation);
void add_version(Verb root, Invocation& invocation);
void add_help(Verb root, Invocation& invocation);
void add_completion(Verb root, Invocation& invocation);

}  // namespace autoctl::cli
