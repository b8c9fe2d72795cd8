// An old primary, or a standby that received too much, goes back to where its history and the upstream's part.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <thread>

#include "common/postgres/tools.h"
#include "common/tls/certificate.h"
#include "keeper/postgres/diverged.h"
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

Error foreign_data() {
  return {Errc::bad_config, "this data directory belongs to another database cluster than the primary's",
          "Move it away; autoctl does not overwrite foreign data"};
}

Error rewind_error(const std::string& output) {
  const std::string words = postgres::last_lines(output, 2);
  const auto says = [&](std::string_view text) { return output.find(text) != std::string::npos; };
  if (says("from different systems")) return foreign_data();
  if (std::ranges::any_of(proofs, says) || wal_is_gone(output))
    return {Errc::conflict, "pg_rewind cannot work: " + words, {}};
  return {Errc::postgres, "pg_rewind failed: " + words, {}};
}

/// pg_rewind writes what differs, and ends half-way at a file that it cannot write.
Result<> make_writable(const std::string& pgdata) {
  std::error_code error;
  for (fs::recursive_directory_iterator at(pgdata, error), end; !error && at != end; at.increment(error)) {
    const std::string path = at->path().string();
    if (at->is_symlink(error) || ::access(path.c_str(), W_OK) == 0) continue;
    fs::permissions(path, fs::perms::owner_write, fs::perm_options::add, error);
    if (error || ::access(path.c_str(), W_OK) != 0)
      return fail(Errc::conflict, "pg_rewind cannot work: " + path + " belongs to another user");
  }
  if (error) return fail(Errc::system, "cannot look through " + pgdata + ": " + error.message());
  return {};
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

/// pg_rewind leaves WAL of a timeline that the node is no longer on, when that is above the primary's: a server that
/// looks for the newest segment would take the node for one that is on it.
Result<> remove_wal_above(Timeline newest, const std::string& pgdata) {
  std::error_code error;
  std::vector<fs::path> left;
  for (const auto& entry : fs::directory_iterator(pgdata + "/pg_wal", error)) {
    const std::string name = entry.path().filename().string();
    const bool wal = name.size() >= 24 || name.ends_with(".history");
    if (wal && name.find_first_not_of("0123456789ABCDEF") >= 8 &&
        std::stoul(name.substr(0, 8), nullptr, 16) > newest.value)
      left.push_back(entry.path());
  }
  for (const auto& file : left) {
    fs::remove(file, error);
    if (error) return fail(Errc::system, "cannot remove " + file.string() + ": " + error.message());
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

Result<Lineage> lineage_of(pg::Connection& primary) {
  const auto now = primary.query(
      "select ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint where not "
      "pg_is_in_recovery()",
      5s);
  if (!now) return fail(now.error());
  if (now->empty()) return fail(Errc::unavailable, "the primary is in recovery");
  Lineage lineage{Timeline{static_cast<std::uint32_t>(now->number(0, 0))}, {}, {}};
  if (lineage.timeline == Timeline{1}) return lineage;
  const auto file = primary.query("select convert_from(pg_read_binary_file($1), 'UTF8')",
                                  {"pg_wal/" + history_file_name(lineage.timeline)}, 5s);
  if (!file) return fail(file.error());
  lineage.history = parse_history(file->text(0, 0));
  return lineage;
}

/// The first `length` bytes of a segment, here and there. False also when one of them does not have the file any more.
Result<bool> same_bytes(pg::Connection& upstream, const std::string& name, std::string_view own, std::size_t length) {
  const auto theirs = upstream.query("select encode(sha256(pg_read_binary_file($1, 0, $2, true)), 'hex')",
                                     {"pg_wal/" + name, std::to_string(length)}, 60s);
  if (!theirs) return fail(theirs.error());
  return own.size() >= length && theirs->text(0, 0) == tls::sha256_hex(own.substr(0, length));
}

/// Errc::bad_config if the upstream is another cluster: then nothing of one says anything about the other.
Result<> check_same_cluster(pg::Connection& upstream, SystemId own) {
  const auto theirs = upstream.query("select system_identifier from pg_control_system()", 5s);
  if (!theirs) return fail(theirs.error());
  if (SystemId{static_cast<std::uint64_t>(theirs->number(0, 0))} != own) return fail(foreign_data());
  return {};
}

/// Where on one timeline our WAL and the upstream's part, to the page: its end when they do not.
Result<Lsn> last_common_byte(pg::Connection& upstream, const std::string& pgdata, const DivergedWal& wal) {
  constexpr std::size_t page = 8192;
  constexpr int segments_max = 64;
  Lsn end = wal.own.lsn;
  for (int i = 0; i < segments_max && end; ++i) {
    const std::string name = segment_name(wal.own.timeline, end, wal.segment_size);
    const Lsn start{(end.value - 1) / wal.segment_size * wal.segment_size};
    const std::string own = config::read_file(pgdata + "/pg_wal/" + name).value_or("");
    std::size_t differs = end.value - start.value;
    const auto all = same_bytes(upstream, name, own, differs);
    if (!all) return fail(all.error());
    if (*all) return end;
    std::size_t same = 0;
    while (differs - same > page) {
      const std::size_t middle = same + std::max(page, (differs - same) / 2 / page * page);
      const auto equal = same_bytes(upstream, name, own, middle);
      if (!equal) return fail(equal.error());
      (*equal ? same : differs) = middle;
    }
    end = Lsn{start.value + same};
    if (same > 0) return end;
  }
  return end;
}

}  // namespace

/// Of data that was a primary's, in single-user mode: recovers, writes a shutdown checkpoint, and listens nowhere
/// meanwhile. Keeps all WAL, pg_rewind may need it.
Result<> Instance::Impl::finish_recovery(const Cancelled& cancelled) const {
  std::error_code error;
  fs::remove(files.pgdata + "/standby.signal", error);  // refused in single-user mode
  std::vector<std::string> arguments = {"--single", "-D", files.pgdata};
  const auto options = layout().start_options;
  arguments.insert(arguments.end(), options.begin(), options.end());
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

/// pg_rewind takes the same timeline for the same history. It is not when a standby was started as a primary.
Result<> Instance::Impl::part_from(pg::Connection& upstream) {
  const auto found = keeper::inspect(tools, files.pgdata);
  if (!found) return fail(found.error());
  const auto control = read_control_data(tools, files.pgdata);
  if (!control) return fail(control.error());
  AUTOCTL_TRY(check_same_cluster(upstream, control->system_id));
  const auto theirs = lineage_of(upstream);
  if (!theirs) return fail(theirs.error());
  DivergedWal wal{{found->timeline, found->lsn, found->history}, {}, control->segment_size};
  const bool same_number = wal.own.timeline == theirs->timeline;
  const bool same_line = same_number && wal.own.history == theirs->history;
  if (!same_line) {
    wal.from = last_common(wal.own, *theirs);
  } else {
    if (found->was_standby() && !found->forked) return {};
    const auto common = last_common_byte(upstream, files.pgdata, wal);
    if (!common) return fail(common.error());
    wal.from = *common;
  }
  if (std::string kept = keep_diverged_wal(tools, files, wal); !kept.empty()) tell(std::move(kept));
  // Each promotion takes the next number that its node knows of.
  if (same_number && !same_line)
    return fail(Errc::conflict, "it and the primary each have a timeline " + std::to_string(wal.own.timeline.value) +
                                    ", which are not the same");
  if (!same_line || wal.from >= wal.own.lsn) return {};
  return fail(Errc::conflict, "it wrote WAL of its own, from " + to_string(wal.from) +
                                  " on, into the timeline that it shares with the primary");
}

Result<> Instance::Impl::run_rewind(const protocol::Peer& upstream, bool dry, const Cancelled& cancelled,
                                    const Progress& progress) const {
  std::vector<std::string> arguments = {"--target-pgdata=" + files.pgdata,
                                        "--source-server=" + query_conninfo(upstream), "--no-ensure-shutdown",
                                        "--no-sync", "--progress"};
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

Result<> Instance::Impl::try_rewind(const protocol::Peer& upstream, const Cancelled& cancelled,
                                    const Progress& progress) const {
  AUTOCTL_TRY(make_writable(files.pgdata));
  AUTOCTL_TRY(take_links_aside(files.pgdata));
  return run_rewind(upstream, true, cancelled, progress);
}

Result<> Instance::Impl::become_rewound_standby() {
  AUTOCTL_TRY(restore_configuration(files, files.pgdata));
  AUTOCTL_TRY(remove_brought_files(files, layout()));
  AUTOCTL_TRY(remove_own_slots(files.pgdata));
  const auto control = read_control_data(tools, files.pgdata);
  if (!control) return fail(control.error());
  AUTOCTL_TRY(remove_wal_above(control->timeline, files.pgdata));
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
  if (!found->rewinding) AUTOCTL_TRY(impl.part_from(*sql));

  AUTOCTL_TRY(save_configuration(files));
  // Whether it can work is found out before anything is changed: from the marker on there is no way back to this data.
  if (auto can = impl.try_rewind(upstream, cancelled, progress); !can) {
    if (found->rewinding) return can;
    AUTOCTL_TRY(restore_configuration(files, files.pgdata));
    forget_saved_configuration(files);
    return can;
  }
  AUTOCTL_TRY(set_marker(files, Marker::rewinding));
  AUTOCTL_TRY(impl.run_rewind(upstream, false, cancelled, progress));
  AUTOCTL_TRY(impl.become_rewound_standby());
  AUTOCTL_TRY(clear_marker(files, Marker::forked));
  AUTOCTL_TRY(clear_marker(files, Marker::rewinding));
  forget_saved_configuration(files);
  return {};
}

}  // namespace autoctl::keeper
