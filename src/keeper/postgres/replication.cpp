// The live switches of replication: which standbys commits wait for, which node is received from, and promotion.
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <thread>

#include "common/pg/own_settings.h"
#include "common/postgres/client_tls.h"
#include "common/postgres/include_file.h"
#include "common/util/sync_directory.h"
#include "keeper/postgres/instance_impl.h"
#include "keeper/postgres/markers.h"
#include "keeper/postgres/replicator.h"

namespace autoctl::keeper {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto reload_patience = 5s;
/// What a standby asks of its WAL sender, whatever the server there says: a sign of life after 2 s without an answer,
/// which is half of the timeout. So each hears the other often enough at any wal_receiver_timeout, and one that was cut
/// off does not stay "streaming".
constexpr std::string_view sender_options = "-c role=none -c wal_sender_timeout=4s";
constexpr auto promote_poll = 5ms;
/// What is left to replay is little, unless something holds it up.
constexpr auto replay_patience = 500ms;
constexpr auto long_promotion = 10s;
/// The startup process could be about to start a receiver with what it read before the reload; it looks again at once
/// and ends that one. Absent twice this far apart is absent.
constexpr auto settle_time = 10ms;
constexpr auto terminate_interval = 50ms;
constexpr auto stop_receiving_patience = 10s;

Result<> create_file(const std::string& path) {
  if (::access(path.c_str(), F_OK) == 0) return {};
  return config::write_file(path, "");
}

Result<> remove_file(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return fail(Errc::system, "cannot remove " + path + ": " + std::strerror(errno));
}

}  // namespace

std::string conninfo_of_replicator(const config::Config& config, const config::Files& files,
                                   const protocol::Peer& upstream) {
  // tcp_user_timeout bounds a connection attempt, too: a WAL receiver knows no connect_timeout.
  return fmt::format("host={} port={} user={} passfile={} {} connect_timeout=5 tcp_user_timeout=5000",
                     pg::quote_conninfo(upstream.host), upstream.port, replication_role(config, config.node, upstream),
                     pg::quote_conninfo(files.pgpass()), postgres::client_tls(config));
}

std::string Instance::Impl::conninfo(const protocol::Peer& upstream) const {
  return conninfo_of_replicator(config, files, upstream);
}

std::string Instance::Impl::query_conninfo(const protocol::Peer& upstream) const {
  return conninfo(upstream) +
         " dbname=postgres options=" + pg::quote_conninfo(pg::own_settings(tools.major, pg::Privilege::user));
}

ServerSettings Instance::Impl::upstream_settings(const protocol::Peer* upstream, NodeId self) const {
  if (upstream == nullptr) return {{conninfo_setting, ""}, {slot_setting, ""}};
  const std::string options = pg::quote_conninfo(std::string(sender_options));
  return {{conninfo_setting, conninfo(*upstream) + " application_name=" + standby_name(self) + " options=" + options},
          {slot_setting, standby_name(self)}};
}

Result<> Instance::set_upstream(const protocol::Peer* upstream, NodeId self) {
  impl_->cut_off = false;
  const std::string signal = impl_->files.pgdata + "/standby.signal";
  std::error_code error;
  // A promotion removes it. Put back then, it would hide after a restart that clients may have written here.
  if (running() && !std::filesystem::exists(signal, error))
    return fail(Errc::conflict, "Postgres runs without standby.signal: it was promoted outside autoctl");
  AUTOCTL_TRY(create_file(signal));
  return impl_->put_in_force(impl_->upstream_settings(upstream, self), conninfo_setting, reload_patience);
}

Result<> Instance::set_primary() {
  for (const char* name : {"/standby.signal", "/recovery.signal"}) AUTOCTL_TRY(remove_file(impl_->files.pgdata + name));
  AUTOCTL_TRY(sync_directory(impl_->files.pgdata));
  const auto changed = impl_->change_goal(impl_->upstream_settings(nullptr, {}));
  if (!changed) return fail(changed.error());
  return {};
}

Result<> Instance::set_sync(const SyncQuorum& quorum, const Priorities& priorities) {
  auto& impl = *impl_;
  impl.sync_names_unproven = true;
  impl.sync_order = priorities;
  const auto in_force =
      impl.put_in_force({{sync_names_setting, sync_names(quorum, priorities)}}, sync_names_setting, reload_patience);
  // All connections are taken, the one that is kept for this is lost: the files are written. That commits wait for
  // nobody any more needs no proof, and is proved as soon as there is a session (observe()).
  if (!in_force && pg::is_crowded(in_force.error()) && quorum.asynchronous()) return reload();
  if (!in_force) return in_force;
  if (!running()) return {};
  AUTOCTL_TRY(impl.await_wal_processes(reload_patience));
  impl.sync_names_unproven = false;
  return {};
}

/// The quorum is the same in any order: there is nothing to prove.
Result<> Instance::keep_sync_order(const Priorities& priorities) {
  auto& impl = *impl_;
  if (impl.sync_order == priorities) return {};
  const auto settings = postgres::read_settings(impl.layout().include_file);
  const auto names = settings.find(sync_names_setting);
  const auto quorum = names == settings.end() ? std::nullopt : parse_sync_names(names->second);
  if (quorum && names->second != sync_names(*quorum, priorities))
    AUTOCTL_TRY(impl.put_in_force({{sync_names_setting, sync_names(*quorum, priorities)}}, sync_names_setting,
                                  reload_patience));
  impl.sync_order = priorities;
  return {};
}

/// Ends it ourselves if the startup process, which should, is busy: replay can wait long for a query on this standby.
Result<> Instance::Impl::await_no_receiver(Clock::time_point deadline) {
  std::optional<Clock::time_point> absent_since;
  auto terminate_at = Clock::now() + terminate_interval;
  for (;;) {
    const auto rows = session.query("select pid from pg_stat_activity where backend_type = 'walreceiver'", 2s);
    if (!rows) return fail(rows.error());
    const auto now = Clock::now();
    if (rows->empty()) {
      if (!absent_since) absent_since = now;
      if (now - *absent_since >= settle_time) return {};
    } else {
      absent_since.reset();
      if (now >= terminate_at) {
        terminate_at = now + terminate_interval;
        const auto pid = static_cast<pid_t>(rows->number(0, 0));
        const auto receiver = Child::adopt(pid);
        const auto again = session.query("select from pg_stat_activity where backend_type = 'walreceiver' and pid = $1",
                                         {std::to_string(pid)}, 2s);
        if (receiver && again && !again->empty()) static_cast<void>(receiver->signal(SIGTERM));
      }
    }
    if (now >= deadline) return fail(Errc::timeout, "the WAL receiver does not end");
    std::this_thread::sleep_for(2ms);
  }
}

/// Somebody could have given it an upstream behind our back, or be about to with the next reload.
bool Instance::Impl::still_cut_off() {
  if (!cut_off) return false;
  const auto rows = session.query(
      "select s.setting = '' and not exists (select from pg_stat_activity where backend_type = 'walreceiver') and "
      "(select f.setting = '' from pg_file_settings f where f.name = s.name and f.applied) "
      "from pg_settings s where s.name = $1",
      {conninfo_setting}, 2s);
  return rows && rows->truth(0, 0);
}

/// Each step of an election asks for it; only the first has something to do.
Result<Lsn> Instance::stop_receiving() {
  auto& impl = *impl_;
  const auto deadline = Clock::now() + stop_receiving_patience;
  auto seen = observe(2s);
  if (!seen) return fail(seen.error());
  if (!seen->in_recovery) return seen->lsn;
  if (!impl.still_cut_off()) {
    impl.cut_off = false;
    AUTOCTL_TRY(impl.put_in_force(impl.upstream_settings(nullptr, {}), conninfo_setting, reload_patience));
    AUTOCTL_TRY(impl.await_no_receiver(deadline));
    impl.cut_off = true;
  }
  for (;;) {
    seen = observe(2s);
    if (!seen) return fail(seen.error());
    if (seen->lsn_final) return seen->lsn;
    if (Clock::now() >= deadline)
      return fail(Errc::timeout,
                  "the standby still replays WAL that it received earlier, now at " + to_string(seen->lsn));
    std::this_thread::sleep_for(promote_poll);
  }
}

/// Citus settles with the start of a process which nodes it sees: who connects right after the promotion shall write,
/// and its own daemon, which syncs metadata and finishes two-phase commits, has to begin anew.
Result<> Instance::Impl::read_from_primaries() {
  AUTOCTL_TRY(put_in_force({{"citus.use_secondary_nodes", "never"}, {"citus.cluster_name", "default"}},
                           "citus.cluster_name", 2s));
  const auto ended = session.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where backend_type like 'Citus Maintenance Daemon%' or "
      "application_name like 'Citus Maintenance Daemon%'",
      2s);
  if (!ended) return fail(ended.error());
  return {};
}

/// What is left to replay must not wait for readers, however long they may take (max_standby_streaming_delay = -1):
/// nobody can write until it is over. They are ended as Postgres itself would end them.
void Instance::Impl::end_what_holds_replay_up() {
  const auto ended = session.query(
      "with startup as (select pid, wait_event_type as type, coalesce(wait_event, '') as event from pg_stat_activity "
      "where backend_type = 'startup') "
      "select count(pg_terminate_backend(a.pid)) from startup s, pg_stat_activity a "
      "where a.backend_type = 'client backend' and a.pid <> pg_backend_pid() and "
      "case when s.type = 'Lock' then a.pid = any(pg_blocking_pids(s.pid)) "
      "     when s.event like 'RecoveryConflict%' then a.backend_xmin is not null or a.state = 'idle in transaction' "
      "     when s.type = 'BufferPin' then a.state <> 'idle' else false end",
      2s);
  if (ended && ended->number(0, 0) > 0)
    tell("sessions that held up replay were ended, so that this node can be promoted: " + ended->text(0, 0));
}

Result<> Instance::promote(const Cancelled& cancelled) {
  auto& impl = *impl_;
  if (impl.config.citus_secondary) AUTOCTL_TRY(impl.read_from_primaries());
  bool asked = false;
  auto look_for_holders_at = Clock::now() + replay_patience;
  auto tell_at = Clock::now() + long_promotion;
  for (;;) {
    const auto rows = impl.session.query(
        asked ? "select pg_is_in_recovery()"
              : "select pg_is_in_recovery(), case when pg_is_in_recovery() then pg_promote(wait => false) end",
        2s);
    if (!rows) return fail(rows.error());
    if (!rows->truth(0, 0)) break;
    asked = true;
    if (Clock::now() >= look_for_holders_at) {
      impl.end_what_holds_replay_up();
      look_for_holders_at = Clock::now() + replay_patience;
    }
    if (Clock::now() >= tell_at) {
      tell_at = Clock::time_point::max();
      impl.tell("its promotion takes long: it still replays what it has received, now at " +
                to_string(observe(2s).value_or(Observed{}).replayed));
    }
    if (cancelled && cancelled())
      return fail(Errc::unavailable, "a promotion that was already asked for is no longer waited for");
    std::this_thread::sleep_for(promote_poll);
  }
  impl.seen_timeline = {};
  const auto changed = impl.change_goal(impl.upstream_settings(nullptr, {}));
  if (!changed) return fail(changed.error());
  return *changed ? reload() : Result<>{};
}

Result<> Instance::checkpoint(const Cancelled& cancelled) {
  auto connection = impl_->session.open(2s);
  if (!connection && pg::is_crowded(connection.error())) return {};  // it only makes the next shutdown shorter
  if (!connection) return fail(std::move(connection.error()));
  connection->interrupt_when(cancelled);
  const auto done = connection->query("checkpoint", 24h);
  if (!done) return fail(done.error());
  return {};
}

}  // namespace autoctl::keeper
