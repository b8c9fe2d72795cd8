// What a running server has too little of until it is restarted.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/postgres/lock_file.h"
#include "keeper/postgres/instance_impl.h"

namespace autoctl::keeper {

bool Instance::lets_nobody_in() const {
  const auto lock = postgres::read_lock_file(impl_->files.pgdata);
  return lock && lock->status == "standby";
}

Result<std::vector<std::string>> Instance::restart_needs(Millis timeout) {
  auto& impl = *impl_;
  if (lets_nobody_in()) return std::vector<std::string>{"hot_standby (off, needs on)"};
  if (!impl.in_force) {
    const std::string names = fmt::format("{}", fmt::join(settings_of_a_start(), ","));
    const auto rows = impl.session.query(
        "select name, setting from pg_settings where name = any(string_to_array($1, ','))", {names}, timeout);
    if (!rows) return fail(rows.error());
    impl.in_force.emplace();
    for (int row = 0; row < rows->size(); ++row) (*impl.in_force)[rows->text(row, 0)] = rows->text(row, 1);
    if (impl.look_for_room(0).value_or(false)) impl.wanted.reset();
  }
  if (!impl.wanted) impl.wanted = impl.wanted_settings(impl.layout());
  return keeper::restart_needs(*impl.in_force, *impl.wanted);
}

/// A node alone needs room for another.
Result<bool> Instance::Impl::look_for_room(std::size_t peers) {
  constexpr int usual = 10, spare = 2;
  const int nodes = std::max(static_cast<int>(peers), 1);
  const auto rows = session.query(
      "select 'max_replication_slots', current_setting('max_replication_slots'), count(*) from pg_replication_slots "
      "where slot_name !~ $1 union all "
      "select 'max_wal_senders', current_setting('max_wal_senders'), count(*) from pg_stat_replication "
      "where application_name !~ $1",
      {"^autoctl_standby_[0-9]+$"}, std::chrono::seconds(5));
  if (!rows) return fail(rows.error());
  bool more = false;
  for (int row = 0; row < rows->size(); ++row) {
    const int has = static_cast<int>(rows->number(row, 1)), others = static_cast<int>(rows->number(row, 2));
    int& target = room[rows->text(row, 0)];
    if (others + nodes <= has || target > has) continue;
    target = others + std::max(usual, nodes + spare);
    more = true;
  }
  return more;
}

}  // namespace autoctl::keeper
