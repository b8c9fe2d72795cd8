// Changing a setting of the running server and knowing that the processes that matter use it. SIGHUP is asynchronous:
// what one session shows says nothing about the others.
#include <fmt/format.h>
#include <signal.h>

#include <set>
#include <thread>
#include <utility>

#include "common/postgres/proc.h"
#include "keeper/postgres/instance_impl.h"

namespace autoctl::keeper {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Why the file does not take effect, in the server's words.
std::string reason_for(pg::Connection& connection) {
  const auto rows = connection.query(
      "select format('%s line %s: %s', sourcefile, sourceline, error) from pg_file_settings where error is not null "
      "and error <> 'setting could not be applied' limit 1",
      1s);
  return rows && !rows->empty() ? ": " + rows->text(0, 0) : "";
}

struct WalProcess {
  pid_t pid;
  bool in_main_loop;
};

/// The checkpointer, which tells backends (through shared memory) whether to wait at all, and the walsenders, each of
/// which releases them by the list that it knows.
Result<std::vector<WalProcess>> wal_processes(Session& session, Millis timeout) {
  const auto rows = session.query(
      "select a.pid, coalesce(a.wait_event in ('CheckpointerMain', 'CheckpointWriteDelay', 'WalSenderMain', "
      "'WalSenderWaitForWAL', "
      "'WalSenderWaitForWal', 'WalSenderWriteData'), false) "
      "from pg_stat_activity a left join pg_stat_replication r using (pid) "
      "where a.backend_type = 'checkpointer' or r.state in ('startup', 'catchup', 'streaming')",
      timeout);
  if (!rows) return fail(rows.error());
  std::vector<WalProcess> found;
  for (int row = 0; row < rows->size(); ++row)
    found.push_back({static_cast<pid_t>(rows->number(row, 0)), rows->truth(row, 1)});
  return found;
}

}  // namespace

/// A new session is forked by the postmaster after it has read the files and signalled all processes, so what it shows
/// proves both. So does the refusal of one, where all connections are taken: the session that is kept for this was
/// signalled before, and shows the value by then. Where the files say nothing else than what is in force, a reload would
/// change nothing, and costs every process of the server time in a moment when milliseconds count.
Result<> Instance::Impl::put_in_force(const ServerSettings& changes, const std::string& name, Millis timeout) {
  const auto deadline = Clock::now() + timeout;
  const std::string& value = changes.at(name);
  const auto changed = change_goal(changes);
  if (!changed) return fail(changed.error());
  if (!postmaster.running()) return {};
  bool reloaded = *changed;
  if (reloaded) AUTOCTL_TRY(postmaster.signal(SIGHUP));
  for (;;) {
    auto fresh = session.open(1s);
    if (!fresh && !pg::is_crowded(fresh.error())) return fail(std::move(fresh.error()));
    const auto ask = [&](const std::string& sql, const std::vector<pg::Param>& params, Millis patience) {
      return fresh ? fresh->query(sql, params, patience) : session.query(sql, params, patience);
    };
    const auto rows =
        ask("select setting = $2, source, coalesce(sourcefile, '') like '%/postgresql.auto.conf', "
            "$3 or (select f.setting = $2 from pg_file_settings f where f.name = $1 and f.applied), "
            "exists (select from pg_file_settings f where f.name = $1) from pg_settings where name = $1",
            {name, value, reloaded ? "true" : "false"}, 1s);
    if (!rows) return fail(rows.error());
    if (rows->truth(0, 0) && rows->truth(0, 3)) return {};
    if (!std::exchange(reloaded, true)) {
      AUTOCTL_TRY(postmaster.signal(SIGHUP));
      continue;
    }
    if (!rows->truth(0, 4))
      return fail(Errc::conflict, name + " was taken out of the configuration while it was put in force",
                  "autoctl puts it back");
    if (rows->text(0, 1) == "command line")
      return fail(Errc::conflict, name + " was given on the command line of the running Postgres",
                  "Restart it through autoctl");
    if (rows->truth(0, 2)) {
      const auto reset = ask("alter system reset " + pg::quote_identifier(name), {}, 5s);
      if (!reset) return fail(reset.error());
      AUTOCTL_TRY(postmaster.signal(SIGHUP));
    }
    if (Clock::now() >= deadline)
      return fail(Errc::timeout,
                  fmt::format("Postgres does not apply {}{}", name, fresh ? reason_for(*fresh) : std::string()));
    std::this_thread::sleep_for(2ms);
  }
}

/// A session that begins now was forked after the files were read.
Result<std::vector<std::string>> Instance::pending_restart() {
  auto fresh = impl_->session.open(2s);
  if (!fresh) return fail(std::move(fresh.error()));
  const auto rows = fresh->query("select name from pg_settings where pending_restart order by 1", 5s);
  if (!rows) return fail(rows.error());
  std::vector<std::string> names;
  for (int row = 0; row < rows->size(); ++row) names.push_back(rows->text(row, 0));
  return names;
}

/// One that somebody has stopped with SIGSTOP would keep the others waiting for ever.
void Instance::Impl::continue_stopped(const std::set<pid_t>& processes) {
  for (const pid_t pid : processes) {
    if (!postgres::proc::is_stopped(pid)) continue;
    tell(fmt::format(
        "Postgres' process {} (its checkpointer or a WAL sender) was stopped by a signal, so that no commit "
        "could learn which standbys to wait for: continuing it",
        pid));
    ::kill(pid, SIGCONT);
  }
}

/// Call after put_in_force: the signals are sent. A process that sleeps with no signal pending has run its handler;
/// if it then sits in its main loop, it has acted on it, because each of these looks at the handler's flag before it
/// sleeps there.
Result<> Instance::Impl::await_wal_processes(Millis timeout) {
  const auto deadline = Clock::now() + timeout;
  const auto first = wal_processes(session, 2s);
  if (!first) return fail(first.error());
  std::set<pid_t> open;
  for (const auto& process : *first) open.insert(process.pid);
  for (;;) {
    std::set<pid_t> signalled;
    for (const pid_t pid : open)
      if (postgres::proc::idle_and_signalled(pid)) signalled.insert(pid);
    const auto now = wal_processes(session, 2s);
    if (!now) return fail(now.error());
    std::set<pid_t> still_open;
    for (const auto& process : *now) {
      // Who came later has read the new files from the start.
      const bool proven = process.in_main_loop && signalled.contains(process.pid);
      if (open.contains(process.pid) && !proven) still_open.insert(process.pid);
    }
    open = std::move(still_open);
    if (open.empty()) return {};
    continue_stopped(open);
    if (Clock::now() >= deadline)
      return fail(Errc::timeout, "Postgres' checkpointer or a WAL sender has not applied the new settings yet");
    std::this_thread::sleep_for(1ms);
  }
}

}  // namespace autoctl::keeper
