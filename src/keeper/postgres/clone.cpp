// A fresh copy of another node, made beside the old data, which goes only when the copy is complete.
#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "common/postgres/tools.h"
#include "keeper/postgres/instance_impl.h"
#include "keeper/postgres/markers.h"
#include "keeper/postgres/other_disks.h"
#include "keeper/postgres/percent.h"
#include "keeper/postgres/saved_configuration.h"
#include "keeper/postgres/swap.h"

namespace autoctl::keeper {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// Waits look at progress, not at the clock; this only ends what would otherwise never end.
constexpr auto longest_copy = std::chrono::hours(24 * 30);

Error copy_error(const std::string& output) {
  const std::string words = postgres::last_lines(output, 2);
  const auto says = [&](const char* text) { return output.find(text) != std::string::npos; };
  if (says("No space left on device"))
    return {Errc::system, "no room for a copy of the primary: " + words,
            "Make room on this disk; the old data is still there"};
  if (says("could not connect") || says("connection to server") || says("pg_hba.conf") || says("replication slot"))
    return {Errc::unavailable, "the primary does not allow a copy (yet): " + words, {}};
  return {Errc::postgres, "pg_basebackup failed: " + words, {}};
}

}  // namespace

int percent_in(const std::string& line) {
  const auto sign = line.find("%)");
  if (sign == std::string::npos) return -1;
  const auto open = line.rfind('(', sign);
  int value = -1;
  if (open != std::string::npos) std::from_chars(line.data() + open + 1, line.data() + sign, value);
  return value;
}

Result<pg::Connection> Instance::Impl::open_upstream(const protocol::Peer& upstream) const {
  return pg::Connection::open(query_conninfo(upstream) + " application_name=autoctl", 5s);
}

Result<std::vector<Tablespace>> Instance::Impl::tablespaces_of(const protocol::Peer& upstream) const {
  auto sql = open_upstream(upstream);
  if (!sql) return fail(std::move(sql.error()).with_context("cannot ask the primary about its tablespaces"));
  const auto rows = sql->query(
      "select oid, pg_tablespace_location(oid) from pg_tablespace where pg_tablespace_location(oid) <> ''", 5s);
  if (!rows) return fail(rows.error());
  std::vector<Tablespace> found;
  for (int row = 0; row < rows->size(); ++row) found.push_back({rows->text(row, 0), rows->text(row, 1)});
  return found;
}

Result<> Instance::Impl::run_basebackup(const protocol::Peer& upstream, NodeId self, const OtherDisks& disks,
                                        const Cancelled& cancelled, const Progress& progress) const {
  auto arguments = disks.options();
  if (!arguments) return fail(std::move(arguments.error()));
  arguments->insert(arguments->begin(),
                    {"-D", copy_directory(files), "-d", conninfo(upstream) + " options='-c role=none'", "-X", "stream",
                     "--checkpoint=fast", "--slot=" + standby_name(self), "--max-rate=" + config.maximum_backup_rate,
                     "--progress", "--no-manifest", "--no-sync", "--no-password"});
  const Command command = postgres::tool_command(tools, "pg_basebackup", *std::move(arguments));
  const auto done = run(command, longest_copy, cancelled, [&](const std::string& line) {
    if (const int percent = percent_in(line); percent >= 0 && progress) progress(percent, "copying: " + line);
  });
  if (!done) return fail(done.error());
  if (!done->ok()) return fail(copy_error(done->output));
  return {};
}

Result<> Instance::clone(const protocol::Peer& upstream, NodeId self, const Cancelled& cancelled,
                         const Progress& progress) {
  auto& impl = *impl_;
  const auto& files = impl.files;
  if (running()) return fail(Errc::internal, "a copy was asked for while Postgres runs");
  AUTOCTL_TRY(finish_interrupted_swap(files));
  AUTOCTL_TRY(impl.postmaster.clear_remains());
  discard_copy(files);
  const auto tablespaces = impl.tablespaces_of(upstream);
  if (!tablespaces) return fail(tablespaces.error());
  const OtherDisks disks(impl.config, *tablespaces);

  const std::string copy = copy_directory(files);
  const auto prepare = [&]() -> Result<> {
    AUTOCTL_TRY(impl.run_basebackup(upstream, self, disks, cancelled, progress));
    std::error_code error;
    if (fs::exists(files.pgdata + "/PG_VERSION", error)) AUTOCTL_TRY(save_configuration(files));
    AUTOCTL_TRY(restore_configuration(files, copy));
    AUTOCTL_TRY(remove_brought_files(files, impl.layout_of_copy(copy)));
    AUTOCTL_TRY(config::write_file(copy + "/standby.signal", ""));
    ServerSettings goal = impl.upstream_settings(&upstream, self);
    goal[sync_names_setting] = "";
    const auto written = impl.write_settings(impl.layout_of_copy(copy), goal);
    if (!written) return fail(written.error());
    return sync_data_directory(copy);
  };
  if (auto prepared = prepare(); !prepared) {
    discard_copy(files);
    disks.discard();
    return prepared;
  }
  AUTOCTL_TRY(swap_in_copy(files));
  disks.remove_old();
  AUTOCTL_TRY(clear_marker(files, Marker::forked));
  AUTOCTL_TRY(clear_marker(files, Marker::rewinding));
  forget_saved_configuration(files);
  return {};
}

}  // namespace autoctl::keeper
