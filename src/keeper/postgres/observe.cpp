// What the running server says, in one statement.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "common/postgres/proc.h"
#include "keeper/postgres/instance_impl.h"

namespace autoctl::keeper {
namespace {

namespace fs = std::filesystem;

/// A WAL receiver that heard nothing for wal_receiver_timeout / 2 asks, so 1.5 s of silence are normal on an idle
/// system. It calls itself "streaming" before the upstream has agreed: that it did shows in a message, whose two times
/// differ (both are the receiver's start until the first one), or in its waiting for one. A slot is taken before its WAL
/// sender streams, and is looked at after that.
constexpr const char* observation = R"(
with standby as (select pg_is_in_recovery() as yes),
     receiver as (select r.received_tli, r.status = 'streaming'
                         and (r.last_msg_send_time <> r.last_msg_receipt_time or a.wait_event = 'WalReceiverMain')
                         and clock_timestamp() - r.last_msg_receipt_time < interval '2.5 seconds' as fresh
                  from pg_stat_wal_receiver r left join pg_stat_activity a using (pid))
select yes,
       (select system_identifier from pg_control_system()),
       case when yes then greatest((select received_tli from receiver), (select timeline_id from pg_control_checkpoint()),
                                   (select min_recovery_end_timeline from pg_control_recovery()))
            else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint end,
       case when yes then greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
            else pg_current_wal_flush_lsn() end,
       case when yes then pg_last_wal_replay_lsn() end,
       case when yes then pg_last_wal_receive_lsn() is not null or exists (select from pg_stat_activity
            where backend_type = 'startup' and wait_event in ('RecoveryWalStream', 'RecoveryRetrieveRetryInterval'))
            else true end,
       current_setting('synchronous_standby_names'),
       coalesce((select fresh from receiver), false),
       (select bytes_per_wal_segment from pg_control_init()),
       w.application_name, w.state = 'streaming', w.flush_lsn, w.pid, w.reply_time,
       case when yes or pg_current_wal_insert_lsn() <= pg_current_wal_flush_lsn() then false
            else exists (select from pg_stat_activity where lower(wait_event) in
                         ('walwrite', 'walsync', 'walinitwrite', 'walinitsync', 'walbufmapping', 'walinsert')) end,
       yes and pg_is_wal_replay_paused(), w.usename,
       coalesce((select s.active_pid = w.pid from pg_replication_slots s where s.slot_name = w.application_name), false)
from standby left join pg_stat_replication w on true)";

Lsn lsn_of(const pg::Rows& rows, int row, int column) {
  return parse_lsn(rows.get(row, column).value_or("")).value_or(Lsn{});
}

/// A standby replies once a second (wal_receiver_status_interval), and a calm keeper looks as often. A WAL sender goes
/// on "streaming" to one that was cut off until wal_sender_timeout.
constexpr Millis reply_patience{3000};

Observed from_rows(const pg::Rows& rows) {
  Observed seen;
  seen.in_recovery = rows.truth(0, 0);
  seen.system_id = SystemId{static_cast<std::uint64_t>(rows.number(0, 1))};
  seen.timeline = Timeline{static_cast<std::uint32_t>(rows.number(0, 2))};
  seen.lsn = lsn_of(rows, 0, 3);
  seen.replayed = lsn_of(rows, 0, 4);
  seen.lsn_final = rows.truth(0, 5);
  seen.sync_names = rows.text(0, 6);
  seen.receiving = rows.truth(0, 7);
  seen.flush_awaited = rows.truth(0, 14);
  seen.replay_paused = rows.truth(0, 15);
  for (int row = 0; row < rows.size(); ++row)
    if (rows.get(row, 9))
      seen.walsenders.push_back(
          {rows.text(row, 9), rows.truth(row, 10), lsn_of(rows, row, 11), rows.text(row, 16), rows.truth(row, 17)});
  return seen;
}

/// Standbys' clocks may be wrong: what counts is that the time of the last reply changes. A WAL sender that somebody has
/// stopped hears none.
void mark_silent(Observed& seen, const pg::Rows& rows, Replies& replies) {
  const auto now = std::chrono::steady_clock::now();
  const Replies before = std::exchange(replies, {});
  for (std::size_t i = 0; i < seen.walsenders.size(); ++i) {
    const int row = static_cast<int>(i);
    const auto known = before.find(rows.text(row, 12));
    const std::string sent = rows.text(row, 13);
    const bool same = known != before.end() && known->second.sent == sent;
    const LastReply last = same ? known->second : LastReply{sent, now};
    replies[rows.text(row, 12)] = last;
    const bool is_stopped = postgres::proc::is_stopped(static_cast<pid_t>(rows.number(row, 12)));
    if (is_stopped || now - last.seen >= reply_patience) seen.walsenders[i].streaming = false;
  }
}

/// pg_control lags behind a standby's timeline until the next restartpoint. A WAL segment that holds `lsn` was received
/// on its own timeline.
Timeline timeline_of_segments(const std::string& pgdata, Lsn lsn, std::uint64_t segment_size) {
  const std::string position = segment_name(Timeline{}, lsn, segment_size).substr(8);
  Timeline newest;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(pgdata + "/pg_wal", error)) {
    const std::string name = entry.path().filename().string();
    if (name.size() == 24 && name.ends_with(position))
      newest = std::max(newest, Timeline{static_cast<std::uint32_t>(std::stoul(name.substr(0, 8), nullptr, 16))});
  }
  return newest;
}

}  // namespace

Result<Observed> Instance::observe(Millis timeout) {
  auto& impl = *impl_;
  if (!running()) return fail(Errc::unavailable, "Postgres is not running");
  const auto rows = impl.session.query(observation, timeout);
  if (!rows) return fail(rows.error());
  Observed seen = from_rows(*rows);
  mark_silent(seen, *rows, impl.replies);
  if (seen.in_recovery) {
    if (!seen.receiving && !impl.seen_timeline) {
      const auto segment_size = static_cast<std::uint64_t>(rows->number(0, 8));
      impl.seen_timeline = timeline_of_segments(impl.files.pgdata, seen.lsn, segment_size);
    }
    impl.seen_timeline = std::max(impl.seen_timeline, seen.timeline);
    seen.timeline = impl.seen_timeline;
  }
  if (impl.sync_names_unproven) {
    if (impl.await_wal_processes(Millis(0))) {
      impl.sync_names_unproven = false;
    } else {
      seen.sync_names = names_not_yet_in_force;
    }
  }
  return seen;
}

}  // namespace autoctl::keeper
