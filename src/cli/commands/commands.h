// Every command, in the order in which help lists them. Each has its own file in this folder.
#pragma once

#include <map>
#include <string>

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

/// list, mermaid, gv, check, state.
void add_inspect_fsm(Verb inspect, Invocation& invocation);
void add_inspect_fsm_state(Verb fsm, Invocation& invocation);
void add_inspect_show(Verb inspect, Invocation& invocation);
Verb add_inspect_pgsetup(Verb inspect, Invocation& invocation);
/// Returns the group `inspect monitor`.
Verb add_inspect_monitor(Verb inspect, Invocation& invocation);
void add_inspect_getpid(Verb inspect, Invocation& invocation);

/// pg_autoctl's names for what `start`, `stop` and `restart postgres` do. Returns the group `manual service
/// restart`.
Verb add_manual_service(Verb manual, Invocation& invocation);
/// Commands of pg_autoctl's that only say why they are not here. `groups`: those that are there, by their paths; "" is
/// the program.
void add_not_here(std::map<std::string, Verb> groups, Invocation& invocation);

void add_rotate_password(Verb rotate_group, Invocation& invocation);

/// renew, rollover.
void add_certificate(Verb certificate, Invocation& invocation);

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
