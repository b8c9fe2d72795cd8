#include "monitor/engine/settings_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace autoctl::monitor {

namespace {

using Member = std::variant<int Settings::*, Millis Settings::*, bool Settings::*, std::uint64_t Settings::*,
                            GroupSet Settings::*>;

struct Entry {
  std::string_view name;
  Member member;
  std::int64_t low;  // allowed range, in the unit of the value
  std::int64_t high;
};

constexpr std::int64_t hour = 3'600'000;

constexpr std::array<Entry, 22> entries = {{
    {"number_sync_standbys", &Settings::number_sync_standbys, 0, 100},
    {"heartbeat", &Settings::heartbeat, 100, 30'000},
    {"silence_timeout", &Settings::silence_timeout, 500, hour},
    {"lease", &Settings::lease, 500, hour},
    {"startup_grace", &Settings::startup_grace, 0, hour},
    {"postgres_restart_timeout", &Settings::postgres_restart_timeout, 0, hour},
    {"standby_stall_timeout", &Settings::standby_stall_timeout, 100, hour},
    {"primary_cut_timeout", &Settings::primary_cut_timeout, 100, hour},
    {"drain_timeout", &Settings::drain_timeout, 1'000, hour},
    {"citus_switchover_cooldown", &Settings::citus_switchover_cooldown, 0, hour},
    {"citus_failover_cooldown", &Settings::citus_failover_cooldown, 0, hour},
    {"failover_max_lost_time", &Settings::failover_max_lost_time, 0, hour},
    {"failover_max_lost_bytes", &Settings::failover_max_lost_bytes, 0, std::int64_t{1} << 40},
    {"promotion_waits_for_lease", &Settings::promotion_waits_for_lease, 0, 1},
    {"restart_holds_clients", &Settings::restart_holds_clients, 0, 1},
    {"secondaries", &Settings::secondaries, 0, 1},
    {"paused", &Settings::paused, 0, 1},
    {"require_reason", &Settings::require_reason, 0, 1},
    {"manual_failover", &Settings::manual_failover, 0, 10'000},
    {"catchup_lag_bytes", &Settings::catchup_lag_bytes, 0, std::int64_t{1} << 40},
    {"password_max_age", &Settings::password_max_age, 0, std::int64_t{1} << 40},
    {"password_round", &Settings::password_round, 0, std::int64_t{1} << 40},
}};

/// "none", "all", or the numbers: "0,2".
std::string print(const GroupSet& set) {
  if (set.all) return "all";
  std::string text;
  for (const GroupId group : set.groups) text += (text.empty() ? "" : ",") + std::to_string(group);
  return text.empty() ? "none" : text;
}

std::optional<GroupSet> parse_groups(const std::string& text, std::int64_t high) {
  if (text == "all" || text == "true" || text == "on" || text == "yes") return GroupSet{.all = true, .groups = {}};
  if (text == "none" || text == "false" || text == "off" || text == "no") return GroupSet{};
  GroupSet set;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    GroupId group = -1;
    const auto [after, error] = std::from_chars(at, end, group);
    if (error != std::errc{} || group < 0 || group > high || (after != end && (*after != ',' || after + 1 == end)))
      return std::nullopt;
    set.groups.push_back(group);
    at = after == end ? end : after + 1;
  }
  if (set.groups.empty()) return std::nullopt;
  std::ranges::sort(set.groups);
  const auto doubles = std::ranges::unique(set.groups);
  set.groups.erase(doubles.begin(), doubles.end());
  return set;
}

struct Printer {
  const Settings& settings;
  std::string operator()(int Settings::*m) const { return std::to_string(settings.*m); }
  std::string operator()(Millis Settings::*m) const { return std::to_string((settings.*m).count()); }
  std::string operator()(bool Settings::*m) const { return settings.*m ? "true" : "false"; }
  std::string operator()(std::uint64_t Settings::*m) const { return std::to_string(settings.*m); }
  std::string operator()(GroupSet Settings::*m) const { return print(settings.*m); }
};

struct Assigner {
  Settings& settings;
  std::int64_t value;
  void operator()(int Settings::*m) const { settings.*m = static_cast<int>(value); }
  void operator()(Millis Settings::*m) const { settings.*m = Millis{value}; }
  void operator()(bool Settings::*m) const { settings.*m = value != 0; }
  void operator()(std::uint64_t Settings::*m) const { settings.*m = static_cast<std::uint64_t>(value); }
  void operator()(GroupSet Settings::*) const {}  // no number
};

std::optional<std::int64_t> parse(const Entry& entry, const std::string& text) {
  if (std::holds_alternative<bool Settings::*>(entry.member)) {
    if (text == "true" || text == "on" || text == "yes") return 1;
    if (text == "false" || text == "off" || text == "no") return 0;
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

const Entry* find(std::string_view name) {
  const auto it = std::ranges::find(entries, name, &Entry::name);
  return it == entries.end() ? nullptr : &*it;
}

std::string names() {
  std::string text;
  for (const Entry& entry : entries) text += (text.empty() ? "" : ", ") + std::string(entry.name);
  return text;
}

Result<> assign(Settings& settings, const std::string& name, const std::string& text) {
  const Entry* entry = find(name);
  if (entry == nullptr)
    return fail(Errc::not_found, "there is no formation setting '" + name + "'", "settings are: " + names());
  if (const auto* member = std::get_if<GroupSet Settings::*>(&entry->member)) {
    auto groups = parse_groups(text, entry->high);
    if (!groups)
      return fail(Errc::bad_usage, name + ": '" + text + "' is neither none, nor all, nor the numbers of groups (0,2)");
    settings.** member = *std::move(groups);
    return {};
  }
  const auto value = parse(*entry, text);
  if (!value || *value < entry->low || *value > entry->high)
    return fail(Errc::bad_usage, name + ": '" + text + "' is not a number from " + std::to_string(entry->low) + " to " +
                                     std::to_string(entry->high));
  std::visit(Assigner{settings, *value}, entry->member);
  return {};
}

/// Timeouts shorter than what they wait for would make every node look dead.
Result<> check_whole(const Settings& settings) {
  if (settings.silence_timeout < 2 * settings.heartbeat)
    return fail(Errc::bad_usage, "silence_timeout must be at least twice the heartbeat");
  if (settings.lease < 2 * settings.heartbeat)
    return fail(Errc::bad_usage, "lease must be at least twice the heartbeat");
  const Millis least = settings.lease + 2 * settings.heartbeat;
  if (settings.failover_max_lost_time.count() != 0 && settings.failover_max_lost_time < least)
    return fail(Errc::bad_usage, "failover_max_lost_time must be 0, or at least lease plus twice the heartbeat (" +
                                     std::to_string(least.count()) +
                                     "): a primary may serve for so long after its last word");
  if (settings.citus_switchover_cooldown >= settings.drain_timeout)
    return fail(Errc::bad_usage, "citus_switchover_cooldown must be shorter than drain_timeout");
  return {};
}

}  // namespace

SettingValues to_values(const Settings& settings) {
  SettingValues values;
  for (const Entry& entry : entries)
    values.emplace_back(std::string(entry.name), std::visit(Printer{settings}, entry.member));
  return values;
}

Result<> change(Settings& settings, const SettingValues& values) {
  Settings changed = settings;
  for (const auto& [name, text] : values) AUTOCTL_TRY(assign(changed, name, text));
  AUTOCTL_TRY(check_whole(changed));
  settings = changed;
  return {};
}

Settings from_stored(const SettingValues& values) {
  Settings settings;
  for (const auto& [name, text] : values) std::ignore = assign(settings, name, text);
  return settings;
}

}  // namespace autoctl::monitor
