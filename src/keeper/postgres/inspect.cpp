// A data directory, read without a server.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>

#include "common/postgres/tools.h"
#include "common/util/descriptor.h"
#include "keeper/postgres/control_data.h"
#include "keeper/postgres/instance_impl.h"
#include "keeper/postgres/markers.h"

namespace autoctl::keeper {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// The shutdown checkpoint ends where its record does; that record's first four bytes are its length.
Lsn end_of_checkpoint(const std::string& pgdata, const ControlData& control) {
  if (control.segment_size == 0 || control.wal_block_size == 0) return control.checkpoint;
  const Lsn inside{control.checkpoint.value + 1};
  const std::string path =
      pgdata + "/pg_wal/" + segment_name(control.checkpoint_timeline, inside, control.segment_size);
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return control.checkpoint;
  std::uint32_t length = 0;
  const auto offset = static_cast<off_t>(control.checkpoint.value % control.segment_size);
  const bool complete = ::pread(file.get(), &length, sizeof length, offset) == static_cast<ssize_t>(sizeof length);
  constexpr std::uint32_t longest_checkpoint = 1024;
  if (!complete || length == 0 || length > longest_checkpoint) return control.checkpoint;
  return record_end(control.checkpoint, length, control.wal_block_size, control.segment_size);
}

/// A mount point's own directory, and an unfinished copy on a mount point.
bool is_nobodys(const std::string& name) {
  return name == "lost+found" || name.starts_with(".autoctl.");
}

}  // namespace

std::vector<HistoryEntry> read_history(const std::string& pgdata, Timeline timeline) {
  const auto text = config::read_file(pgdata + "/pg_wal/" + history_file_name(timeline));
  return text ? parse_history(*text) : std::vector<HistoryEntry>{};
}

Result<ControlData> read_control_data(const Tools& tools, const std::string& pgdata) {
  const auto output = run(postgres::tool_command(tools, "pg_controldata", {"-D", pgdata}), 60s);
  if (!output) return fail(output.error());
  if (!output->ok()) return fail(Errc::postgres, "pg_controldata: " + postgres::last_lines(output->output));
  auto control = parse_control_data(output->output);
  if (!control) return fail(Errc::postgres, "the output of pg_controldata about " + pgdata + " cannot be parsed");
  return std::move(*control);
}

Result<DataDirectory> inspect(const Tools& tools, const std::string& pgdata) {
  DataDirectory data;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(pgdata, error))
    data.exists = data.exists || !is_nobodys(entry.path().filename().string());
  if (error == std::errc::no_such_file_or_directory) return data;
  if (error) return fail(Errc::system, "cannot read " + pgdata + ": " + error.message());
  const auto version = config::read_file(pgdata + "/PG_VERSION");
  if (!version) return data;
  data.major = std::atoi(version->c_str());
  data.rewinding = is_marked(config::Files(pgdata), Marker::rewinding);
  data.forked = is_marked(config::Files(pgdata), Marker::forked);
  // Half rewound it is neither a standby nor a primary.
  data.standby_signal = !data.rewinding && fs::exists(pgdata + "/standby.signal", error);
  data.fresh_backup = fs::exists(pgdata + "/backup_label", error);
  if (!fs::exists(pgdata + "/global/pg_control", error)) {
    data.control_missing = true;
    return data;
  }
  if (data.major != tools.major)
    return fail(Errc::incompatible,
                pgdata + " was made by PostgreSQL " + std::to_string(data.major) + ", " + tools.bindir + " has " +
                    tools.version,
                "Give the pg_ctl of PostgreSQL " + std::to_string(data.major) + " with --pgctl");
  const auto control = read_control_data(tools, pgdata);
  if (!control) {
    if (control.error().code != Errc::postgres) return fail(control.error());
    data.control_missing = true;
    return data;
  }
  data.is_postgres = true;
  data.system_id = control->system_id;
  data.cluster_state = control->cluster_state;
  data.clean_shutdown = control->clean_shutdown();
  if (data.cluster_state == "shut down in recovery" && data.may_have_own_wal() && !data.rewinding) {
    // A primary leaves that, too, when it is stopped before its crash recovery is over: there may be more than
    // pg_control tells, even of another timeline.
    data.cluster_state = "in crash recovery";
    data.clean_shutdown = false;
  }
  data.timeline = control->timeline;
  data.lsn = data.cluster_state == "shut down" ? end_of_checkpoint(pgdata, *control) : control->checkpoint;
  data.lsn = std::max(data.lsn, control->minimum_recovery);
  data.history = read_history(pgdata, data.timeline);
  return data;
}

}  // namespace autoctl::keeper
