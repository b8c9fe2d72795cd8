// Options that mean the same at every command, and where their defaults come from.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "common/fsm/types.h"

namespace autoctl::cli {

/// Which monitor to talk to, and with which credential.
struct MonitorTarget {
  std::string pgdata;           // of the monitor or of a node: its configuration knows the monitor
  std::string monitor;          // https://… or postgres://…; wins over pgdata
  std::string monitor_ca_file;  // PEM, for https://
  std::string token_file;       // operator's credential; default: the one beside pgdata
  std::string reason;           // why, for the event log; of commands that change something
};

/// The formation and group to look at.
struct Scope {
  std::string formation = "default";
  std::optional<GroupId> group;
};

Option add_pgdata(Verb command, std::string& pgdata);
void add_target(Verb command, MonitorTarget& target);
/// The same of a command that changes something, with the reason for it.
void add_changing_target(Verb command, MonitorTarget& target);
Option add_formation(Verb command, std::string& formation);
void add_scope(Verb command, Scope& scope);
/// The same of a command that is about one group.
void add_group_scope(Verb command, Scope& scope);
/// The same two, and the formation may be a bare word, as patronictl's users type it.
Option add_worded_formation(Verb command, std::string& formation);
void add_worded_scope(Verb command, Scope& scope);
Option add_json(Verb command, bool& json);

/// The option's default comes from AUTOCTL_<name>, else PG_AUTOCTL_<name>.
Option from_environment(Option option, const std::string& name);
/// The same with libpq's own variable behind it: AUTOCTL_<name>, else <name>.
Option from_libpq_environment(Option option, const std::string& name);

}  // namespace autoctl::cli
