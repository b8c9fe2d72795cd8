// An old primary, or a standby that received too much, goes back to where its history and the upstream's part.
#include <algorithm>
#include <array>
#include <filesystem>
#include <thread>

#include "common/postgres/tools.h"
#include "keeper/postgres/instance_impl.h"
#include "keeper/postgres/markers.h"
#include "keeper/postgres/percent.h"
#include "keeper/postgres/saved_configuration.h"

namespace autoctl::keeper {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
constexpr auto longest_rewind = std::chrono::hours(24 * 30);
constexpr auto standby_stop_patience = 10s;

/// Only these prove that no rewind will ever work; everything else (a lost connection, a full disk) may pass.
constexpr std::array<std::string_view, 9> proofs = {
    "could not find common ancestor", "could not find previous WAL record", "could not read WAL record",
    "invalid record offset",          "invalid checkpoint record",          "needs to use either data checksums or",
    "clusters are not compatible",    "control file appears to be corrupt", "unexpected control file",
};

/// A segment of ours that is needed and gone: only a file of the target is opened by this path.
bool wal_is_gone(const std::string& output) {
  const auto at = output.find("/pg_wal/");
  return at != std::string::npos && output.find("could not open file") != std::string::npos &&
         output.find("No such file or directory") != std::string::npos;
}

Error rewind_error(const std::string& output) {
  const std::string words = postgres::last_lines(output, 2);
  const auto says = [&](std::string_view text) { return output.find(text) != std::string::npos; };
  if (says("from different systems"))
    return {Errc::bad_config, "this data directory belongs to another database cluster than the primary's",
            "Move it away; autoctl does not overwrite foreign data"};
  if (std::ranges::any_of(proofs, says) || wal_is_gone(output))
    return {Errc::conflict, "pg_rewind cannot work: " + words, {}};
  return {Errc::postgres, "pg_rewind failed: " + words, {}};
}

Result<> remove_own_slots(const std::string& pgdata) {
  std::error_code error;
  std::vector<fs::path> slots;
  for (const auto& entry : fs::directory_iterator(pgdata + "/pg_replslot", error))
    if (parse_standby_name(entry.path().filename().string())) slots.push_back(entry.path());
  for (const auto& slot : slots) {
    fs::remove_all(slot, error);
    if (error) return fail(Errc::system, "cannot remove " + slot.string() + ": " + error.message());
  }
  return {};
}

/// pg_rewind reads the source's control file, which knows a new timeline only after a checkpoint.
Result<> show_new_timeline(pg::Connection& upstream, const Cancelled& cancelled) {
  upstream.interrupt_when(cancelled);
  bool asked = false;
  for (;;) {
    const auto rows = upstream.query(
        "select pg_is_in_recovery() or (select timeline_id from pg_control_checkpoint()) = "
        "('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint",
        5s);
    if (!rows) return fail(rows.error());
    if (rows->truth(0, 0)) return {};
    // Before version 15 only a superuser may ask; then its own checkpoint after the promotion has to be waited for.
    if (!asked && !upstream.query("checkpoint", 1h) && !upstream.is_open())
      return fail(Errc::unavailable, "the primary's checkpoint did not end");
    asked = true;
    if (cancelled && cancelled()) return fail(Errc::unavailable, "the rewind is no longer wanted");
    std::this_thread::sleep_for(100ms);
  }
}

}  // namespace

/// Of data that was a primary's, in single-user mode: recovers, writes a shutdown checkpoint, and listens nowhere
/// meanwhile. Keeps all WAL, pg_rewind may need it.
Result<> Instance::Impl::finish_recovery(const Cancelled& cancelled) const {
  std::error_code error;
  fs::remove(files.pgdata + "/standby.signal", error);  // refused in single-user mode
  std::vector<std::string> arguments = {"--single", "-D", files.pgdata};
  if (const Layout place = layout(); place.config_outside())
    arguments.insert(arguments.end(), {"-c", "config_file=" + place.config_file});
  for (const char* setting : {"synchronous_standby_names=", "wal_keep_size=1000000", "max_slot_wal_keep_size=-1",
                              "archive_mode=off", "template1"}) {
    if (std::string_view(setting) != "template1") arguments.emplace_back("-c");
    arguments.emplace_back(setting);
  }
  const auto done = run(postgres::tool_command(tools, "postgres", std::move(arguments)), longest_rewind, cancelled);
  if (!done) return fail(done.error());
  if (!done->ok())
    return fail(Errc::postgres, "crash recovery before the rewind failed: " + postgres::last_lines(done->output));
  return {};
}

Result<> Instance::Impl::run_rewind(const protocol::Peer& upstream, bool dry, const Cancelled& cancelled,
                                    const Progress& progress) const {
  std::vector<std::string> arguments = {"--target-pgdata=" + files.pgdata,
                                        "--source-server=" + conninfo(upstream) + " dbname=postgres",
                                        "--no-ensure-shutdown", "--no-sync", "--progress"};
  if (dry) arguments.emplace_back("--dry-run");
  const auto done = run(postgres::tool_command(tools, "pg_rewind", std::move(arguments)), longest_rewind, cancelled,
                        [&](const std::string& line) {
                          const int percent = percent_in(line);
                          if (percent >= 0 && progress && !dry) progress(percent, "rewinding: " + line);
                        });
  if (!done) return fail(done.error());
  if (!done->ok()) return fail(rewind_error(done->output));
  return {};
}

Result<> Instance::Impl::become_rewound_standby() {
  AUTOCTL_TRY(restore_configuration(files, files.pgdata));
  AUTOCTL_TRY(remove_own_slots(files.pgdata));
  AUTOCTL_TRY(config::write_file(files.pgdata + "/standby.signal", ""));
  const auto written = write_settings(upstream_settings(nullptr, {}));
  if (!written) return fail(written.error());
  return sync_data_directory(files.pgdata);
}

/// Single-user mode would write a checkpoint of its own into the timeline that it shares with its primary.
Result<> Instance::recover_as_standby(const Cancelled& cancelled) {
  AUTOCTL_TRY(set_upstream(nullptr, {}));
  const auto started = start(cancelled);
  AUTOCTL_TRY(stop(StopMode::fast, standby_stop_patience));
  if (started || (cancelled && cancelled())) return started;
  return fail(Errc::conflict, "its crash recovery cannot end without WAL that it lacks: " + started.error().message);
}

Result<> Instance::rewind(const protocol::Peer& upstream, const Cancelled& cancelled, const Progress& progress) {
  auto& impl = *impl_;
  const auto& files = impl.files;
  if (running()) return fail(Errc::internal, "a rewind was asked for while Postgres runs");
  AUTOCTL_TRY(impl.postmaster.clear_remains());
  auto found = inspect();
  if (!found) return fail(found.error());
  if (!found->is_postgres)
    return fail(Errc::conflict, "there is nothing in " + files.pgdata + " that could be rewound");
  if (!found->clean_shutdown && !found->rewinding) {
    if (progress) progress(0, "crash recovery before the rewind");
    AUTOCTL_TRY(found->was_standby() ? recover_as_standby(cancelled) : impl.finish_recovery(cancelled));
  }
  auto sql = impl.open_upstream(upstream);
  if (!sql) return fail(std::move(sql.error()).with_context("cannot reach the primary to rewind from"));
  AUTOCTL_TRY(show_new_timeline(*sql, cancelled));

  // Whether it can work is found out before anything is changed: from the marker on there is no way back to this data.
  AUTOCTL_TRY(impl.run_rewind(upstream, true, cancelled, progress));
  AUTOCTL_TRY(save_configuration(files));
  AUTOCTL_TRY(set_marker(files, Marker::rewinding));
  AUTOCTL_TRY(impl.run_rewind(upstream, false, cancelled, progress));
  AUTOCTL_TRY(impl.become_rewound_standby());
  AUTOCTL_TRY(clear_marker(files, Marker::rewinding));
  forget_saved_configuration(files);
  return {};
}

}  // namespace autoctl::keeper
