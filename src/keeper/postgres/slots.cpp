// autoctl's replication slots: one on every node for every other node, so that the node that becomes the primary has
// kept the WAL.
#include <algorithm>
#include <set>

#include "keeper/postgres/instance_impl.h"

namespace autoctl::keeper {
namespace {

using namespace std::chrono_literals;
constexpr auto slots_timeout = 5s;
constexpr auto asking = 200ms;

/// A node that is dropped may still be connected; its slot cannot go before it does.
Result<> drop_slot(Session& session, const std::string& name) {
  auto ended =
      session.query("select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1 and active",
                    {name}, slots_timeout);
  if (!ended) return fail(std::move(ended.error()));
  auto dropped = session.query(
      "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1 and not active",
      {name}, slots_timeout);
  if (!dropped) return fail(std::move(dropped.error()));
  return {};
}

}  // namespace

Result<> Instance::sync_slots(const std::vector<NodeId>& peers) {
  const auto more = impl_->look_for_room(peers.size());
  if (more && *more) {
    impl_->wanted = impl_->wanted_settings(impl_->layout());
    if (const auto written = impl_->change_goal(room_in(*impl_->wanted)); !written) return fail(written.error());
  }
  auto& session = impl_->session;
  const auto rows = session.query(
      "select slot_name from pg_replication_slots where slot_type = 'physical' and not temporary", slots_timeout);
  if (!rows) return fail(rows.error());
  std::set<NodeId> present;
  for (int row = 0; row < rows->size(); ++row) {
    const std::string name = rows->text(row, 0);
    const auto id = parse_standby_name(name);
    if (!id) continue;
    if (std::ranges::find(peers, *id) == peers.end()) {
      AUTOCTL_TRY(drop_slot(session, name));
    } else {
      present.insert(*id);
    }
  }
  for (const NodeId id : peers) {
    if (present.contains(id)) continue;
    auto made =
        session.query("select pg_create_physical_replication_slot($1, true)", {standby_name(id)}, slots_timeout);
    if (made) continue;
    const int room = impl_->room["max_replication_slots"];
    if (room == 0) return fail(std::move(made.error()));
    return fail(Errc::conflict, "others have taken all replication slots: max_replication_slots becomes " +
                                    std::to_string(room) +
                                    " when Postgres is restarted (`autoctl restart postgres`), "
                                    "and the other nodes are let in then");
  }
  return {};
}

Result<std::vector<NodeId>> Instance::bound_slots() {
  auto& session = impl_->session;
  const auto changed = impl_->write_wal_bounds();
  if (!changed) return fail(changed.error());
  if (*changed) AUTOCTL_TRY(reload());
  const auto rows = session.query(
      "select slot_name, wal_status from pg_replication_slots where slot_type = 'physical' and not temporary and "
      "wal_status in ('unreserved', 'lost')",
      slots_timeout);
  if (!rows) return fail(rows.error());
  std::vector<NodeId> lost;
  bool over = false;
  for (int row = 0; row < rows->size(); ++row) {
    const std::string name = rows->text(row, 0);
    const auto id = parse_standby_name(name);
    over = over || rows->text(row, 1) == "unreserved";
    if (!id || rows->text(row, 1) != "lost") continue;
    AUTOCTL_TRY(drop_slot(session, name));
    // It reserves nothing: what its standby lacks is gone, and a copy brings its own.
    auto made = session.query("select pg_create_physical_replication_slot($1)", {name}, slots_timeout);
    if (!made) return fail(std::move(made.error()));
    lost.push_back(*id);
  }
  if (over) impl_->ask_for_checkpoint();
  return lost;
}

/// WAL goes, and slots are given up, at a checkpoint only. Nobody waits for it.
void Instance::Impl::ask_for_checkpoint() const {
  if (auto connection = session.open(asking)) static_cast<void>(connection->query("checkpoint", asking));
}

Result<> Instance::advance_slots() {
  auto moved = impl_->session.query(
      "select pg_replication_slot_advance(slot_name, pg_last_wal_replay_lsn()) from pg_replication_slots "
      "where pg_is_in_recovery() and slot_type = 'physical' and not active and slot_name ~ '^autoctl_standby_[0-9]+$' "
      "and restart_lsn < pg_last_wal_replay_lsn()",
      slots_timeout);
  if (!moved) return fail(std::move(moved.error()));
  return {};
}

}  // namespace autoctl::keeper
