#include "keeper/postgres/computed_settings.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace autoctl::keeper {
namespace {

/// Needed only where the server would otherwise have less.
constexpr std::array<std::pair<const char*, int>, 2> least = {{{"max_wal_senders", 10}, {"max_replication_slots", 10}}};

/// Always ours. The interval: at 0 a standby acknowledges nothing; were it shorter than the silence after which a WAL
/// sender gives a sign of life (replication.cpp), the sender never would, and at a long wal_receiver_timeout an idle
/// standby heard nothing. The others are left over from a restore: in force, a standby would end its recovery where it
/// was once told to, and a promotion would wait for files that are not there.
constexpr std::array<std::pair<const char*, const char*>, 9> fixed = {{{"wal_receiver_status_interval", "3s"},
                                                                       {"restore_command", ""},
                                                                       {"recovery_end_command", ""},
                                                                       {"recovery_target", ""},
                                                                       {"recovery_target_lsn", ""},
                                                                       {"recovery_target_name", ""},
                                                                       {"recovery_target_time", ""},
                                                                       {"recovery_target_xid", ""},
                                                                       {"recovery_target_timeline", "latest"}}};
constexpr const char* promote_trigger = "promote_trigger_file";
constexpr int first_without_trigger = 16;

/// Defaults of ours: how soon a standby connects again, how soon a dead peer is noticed, and WAL back to a checkpoint
/// that an old primary has in common with the new one, so that pg_rewind can work after its shutdown checkpoint, too
/// (less of it on a small disk, see wal_room.h).
constexpr std::array<std::pair<const char*, const char*>, 4> preferences = {{{"wal_retrieve_retry_interval", "100ms"},
                                                                             {"wal_receiver_timeout", "3s"},
                                                                             {"wal_sender_timeout", "10s"},
                                                                             {"wal_keep_size", "256MB"}}};

constexpr int first_with_syncfs = 14;

std::optional<int> number(const std::string& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool enough_wal(const std::string& level) {
  return level == "replica" || level == "logical";
}

bool is_on(const std::string& value) {
  return value == "on" || value == "true" || value == "yes" || value == "1";
}

bool writable_directory(const std::string& path) {
  return path.starts_with('/') && ::access(path.c_str(), W_OK | X_OK) == 0;
}

std::string first_of_list(const std::string& list) {
  const auto from = list.find_first_not_of(' ');
  if (from == std::string::npos) return {};
  std::string word = list.substr(from, list.find(',', from) - from);
  while (word.ends_with(' ')) word.pop_back();
  return word;
}

/// nullopt: the user's own will do.
std::optional<std::string> socket_directories(const config::Config& config, const UserSettings& user) {
  const auto theirs = user.value("unix_socket_directories");
  const bool usable = theirs && writable_directory(first_of_list(*theirs));
  if (config.pghost.starts_with('/')) {
    if (!usable || first_of_list(*theirs) == config.pghost) return config.pghost;
    return config.pghost + ", " + *theirs;
  }
  if (usable) return std::nullopt;
  return writable_directory("/var/run/postgresql") ? "/var/run/postgresql" : "/tmp";
}

void add_ssl(ServerSettings& ours, const config::Ssl& ssl) {
  if (!ssl.enabled) return;
  ours["ssl"] = "on";
  ours["ssl_cert_file"] = ssl.server_cert;
  ours["ssl_key_file"] = ssl.server_key;
  if (!ssl.ca_file.empty()) ours["ssl_ca_file"] = ssl.ca_file;
  if (!ssl.crl_file.empty()) ours["ssl_crl_file"] = ssl.crl_file;
}

void add_minima(ServerSettings& ours, const UserSettings& user, const std::optional<ControlData>& control,
                const ServerSettings& room) {
  ServerSettings wanted;
  for (const auto& [name, value] : least) wanted[name] = std::to_string(value);
  const auto add = [&](const ServerSettings& minima) {
    for (const auto& [name, value] : minima) {
      auto& target = wanted[name];
      if (number(value).value_or(0) > number(target).value_or(0)) target = value;
    }
  };
  // A standby with less than its primary had does not start: pg_control knows what that was.
  if (control) add(control->hot_standby_minima);
  add(room);
  static const ServerSettings built_in = {{"max_wal_senders", "10"},          {"max_replication_slots", "10"},
                                          {"max_connections", "100"},         {"max_worker_processes", "8"},
                                          {"max_prepared_transactions", "0"}, {"max_locks_per_transaction", "64"}};
  for (const auto& [name, value] : wanted) {
    const auto theirs = number(user.value(name).value_or(built_in.at(name)));
    if (!theirs || *theirs < number(value).value_or(0)) ours[name] = value;
  }
}

/// Whatever value somebody else gives it would break something.
bool is_ours_alone(const std::string& name, const ServerSettings& ours) {
  if (goal_settings().contains(name) || name == "port" || name == "listen_addresses" || name == promote_trigger)
    return true;
  if (name == "ssl" || name.starts_with("ssl_")) return ours.contains(name);
  return std::ranges::any_of(fixed, [&](const auto& setting) { return setting.first == name; });
}

}  // namespace

const std::set<std::string>& goal_settings() {
  static const std::set<std::string> names = {sync_names_setting, conninfo_setting, slot_setting};
  return names;
}

std::optional<std::string> UserSettings::value(const std::string& name) const {
  if (const auto found = alter_system.find(name); found != alter_system.end()) return found->second;
  if (const auto found = files.find(name); found != files.end()) return found->second;
  return std::nullopt;
}

ServerSettings computed_settings(const config::Config& config, int major, const UserSettings& user,
                                 const std::optional<ControlData>& control, const ServerSettings& room) {
  ServerSettings ours;
  ours["listen_addresses"] = config.listen;
  ours["port"] = std::to_string(config.pgport);
  if (const auto sockets = socket_directories(config, user)) ours["unix_socket_directories"] = *sockets;
  if (const auto level = user.value("wal_level"); level && !enough_wal(*level)) ours["wal_level"] = "replica";
  ours["hot_standby"] = "on";
  ours["full_page_writes"] = "on";  // pg_rewind reads them; a torn page after a crash would need them, too
  for (const auto& [name, value] : fixed) ours[name] = value;
  if (major < first_without_trigger) ours[promote_trigger] = "";
  if (!control || !control->checksums) ours["wal_log_hints"] = "on";
  add_minima(ours, user, control, room);
  add_ssl(ours, config.ssl);
  for (const auto& [name, value] : preferences)
    if (!user.value(name)) ours[name] = value;
  if (major >= first_with_syncfs && !user.value("recovery_init_sync_method"))
    ours["recovery_init_sync_method"] = "syncfs";
  if (config.auth == "scram-sha-256" && !user.value("password_encryption"))
    ours["password_encryption"] = "scram-sha-256";
  return ours;
}

ServerSettings room_in(const ServerSettings& written) {
  ServerSettings room;
  for (const auto& [name, value] : least)
    if (const auto found = written.find(name); found != written.end()) room.insert(*found);
  return room;
}

const std::vector<std::string>& settings_of_a_start() {
  static const std::vector<std::string> names = {
      "hot_standby",     "listen_addresses", "max_replication_slots", "max_wal_senders", "port",
      libraries_setting, "wal_level",        "wal_log_hints"};
  return names;
}

std::vector<std::string> restart_needs(const ServerSettings& in_force, const ServerSettings& ours) {
  std::vector<std::string> needs;
  const auto need = [&](const std::string& name, const std::string& value) {
    needs.push_back(name + " (" + (in_force.at(name).empty() ? "empty" : in_force.at(name)) + ", needs " + value + ")");
  };
  for (const auto& [name, value] : in_force) {
    const auto wanted = ours.find(name);
    const bool is_ours = wanted != ours.end();
    if (name == "wal_level") {
      if (!enough_wal(value)) need(name, is_ours ? wanted->second : "replica");
    } else if (const auto minimum = std::ranges::find(least, name, [](const auto& setting) { return setting.first; });
               minimum != least.end()) {
      const int enough = std::max(minimum->second, is_ours ? number(wanted->second).value_or(0) : 0);
      if (number(value).value_or(0) < enough) need(name, std::to_string(enough));
    } else if (!is_ours || value == wanted->second) {
      continue;
    } else if (name == libraries_setting) {
      if (value.find("citus") == std::string::npos) need(name, wanted->second);
    } else if (name != "listen_addresses" || value.find('*') == std::string::npos) {
      need(name, wanted->second);
    }
  }
  return needs;
}

std::set<std::string> harmful_overrides(const ServerSettings& alter_system, const ServerSettings& ours) {
  std::set<std::string> harmful;
  for (const auto& [name, value] : alter_system) {
    const auto wanted = ours.find(name);
    const bool must_be_ours = is_ours_alone(name, ours);
    const bool switched_off = (name == "hot_standby" || name == "wal_log_hints" || name == "full_page_writes") &&
                              wanted != ours.end() && !is_on(value);
    const bool too_little = name == "wal_level" ? !enough_wal(value)
                                                : name.starts_with("max_") && wanted != ours.end() &&
                                                      number(value).value_or(0) < number(wanted->second).value_or(0);
    const bool without_citus = name == libraries_setting && wanted != ours.end() && value != wanted->second;
    if (without_citus || (must_be_ours && (wanted == ours.end() || wanted->second != value)) || switched_off ||
        too_little)
      harmful.insert(name);
  }
  return harmful;
}

}  // namespace autoctl::keeper
