// Options that mean the same at every command, and where their defaults come from.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "common/fsm/types.h"

namespace autoctl::cli {

/// Which monitor to talk to, and with which credential.
struct MonitorTarget {
  std::string pgdata;           // of the monitor or of a node: its configuration knows the monitor
  std::string monitor;          // https://… or postgres://…; wins over pgdata
  std::string monitor_ca_file;  // PEM, for https://
  std::string token_file;       // operator's credential; default: the one beside pgdata
};

/// The formation and group to look at.
struct Scope {
  std::string formation = "default";
  std::optional<GroupId> group;
};

CLI::Option* add_pgdata(CLI::App& command, std::string& pgdata);
void add_target(CLI::App& command, MonitorTarget& target);
CLI::Option* add_formation(CLI::App& command, std::string& formation);
void add_scope(CLI::App& command, Scope& scope);
CLI::Option* add_json(CLI::App& command, bool& json);

/// The option's default comes from AUTOCTL_<name>, else PG_AUTOCTL_<name>.
CLI::Option* from_environment(CLI::Option* option, const std::string& name);
/// The same with libpq's own variable behind it: AUTOCTL_<name>, else <name>.
CLI::Option* from_libpq_environment(CLI::Option* option, const std::string& name);

/// For CLI::Option::check: a function that returns why a text is not a valid value, or "".
CLI::Validator checked(std::string (*check)(const std::string& text));

}  // namespace autoctl::cli
