#include "keeper/postgres/diverged.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <sstream>

#include "common/util/descriptor.h"
#include "keeper/postgres/control_data.h"

namespace autoctl::keeper {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto waldump_patience = 60s;
constexpr std::uint64_t megabyte = 1024 * 1024;

std::string place_of_diverged(const config::Files& files) {
  return files.directory + "/diverged";
}

std::string range_of(const DivergedWal& wal) {
  return fmt::format("{} to {} on timeline {}", to_string(wal.from), to_string(wal.own.lsn), wal.own.timeline.value);
}

/// The same fork gets the same name: a rewind that is tried again keeps nothing twice.
std::string directory_name(const DivergedWal& wal) {
  std::string name =
      fmt::format("timeline-{}_{}_{}", wal.own.timeline.value, to_string(wal.from), to_string(wal.own.lsn));
  std::ranges::replace(name, '/', '-');
  return name;
}

/// nullopt when pg_waldump cannot tell.
std::optional<int> transactions_in(const postgres::Tools& tools, const config::Files& files, const DivergedWal& wal) {
  const Lsn switched = wal.own.history.empty() ? Lsn{} : wal.own.history.back().switch_lsn;
  if (switched > wal.from) return std::nullopt;  // promoted twice: it has more on the timelines before this one
  const auto done =
      run(postgres::tool_command(tools, "pg_waldump",
                                 {"--stats=record", "--rmgr=Transaction", "--path", files.pgdata + "/pg_wal",
                                  "--timeline", std::to_string(wal.own.timeline.value), "--start", to_string(wal.from),
                                  "--end", to_string(wal.own.lsn)}),
          waldump_patience);
  if (!done || !done->ok()) return std::nullopt;
  return commits_in(done->output);
}

Result<> copy_to_disk(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy_file(from, to, error);
  if (error) return fail(Errc::system, "cannot copy " + from.string() + ": " + error.message());
  const Descriptor file(::open(to.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid() || ::fsync(file.get()) != 0) return fail(Errc::system, "cannot write " + to.string() + " to disk");
  return {};
}

Result<> copy_segments(const config::Files& files, const DivergedWal& wal, const std::string& target) {
  std::error_code error;
  const std::string unfinished = target + ".unfinished";
  fs::remove_all(unfinished, error);
  fs::create_directories(unfinished, error);
  if (error) return fail(Errc::system, "cannot create " + unfinished + ": " + error.message());
  auto names = segments_of(wal);
  names.push_back(history_file_name(wal.own.timeline));
  for (const std::string& name : names)
    if (const fs::path source = files.pgdata + "/pg_wal/" + name; fs::exists(source, error))
      AUTOCTL_TRY(copy_to_disk(source, unfinished + "/" + name));
  AUTOCTL_TRY(config::write_file(
      unfinished + "/README",
      fmt::format("WAL that only this node had, {}. To see what is in it:\n\n  pg_waldump --path . --timeline {} "
                  "--start {} --end {}\n\nautoctl keeps the newest {} such directories. This one may be removed.\n",
                  range_of(wal), wal.own.timeline.value, to_string(wal.from), to_string(wal.own.lsn),
                  diverged_directories_max)));
  fs::rename(unfinished, target, error);
  if (error) return fail(Errc::system, "cannot rename " + unfinished + ": " + error.message());
  return {};
}

void remove_oldest(const std::string& place) {
  std::error_code error;
  std::vector<std::pair<fs::file_time_type, fs::path>> kept;
  for (const auto& entry : fs::directory_iterator(place, error)) kept.emplace_back(entry.last_write_time(error), entry);
  std::ranges::sort(kept);
  for (std::size_t i = 0; i + diverged_directories_max < kept.size(); ++i) fs::remove_all(kept[i].second, error);
}

}  // namespace

std::vector<std::string> segments_of(const DivergedWal& wal) {
  std::vector<std::string> names;
  if (wal.segment_size == 0) return names;
  auto parts = wal.own.history;
  parts.push_back({wal.own.timeline, wal.own.lsn});
  Lsn from = wal.from;
  for (const auto& [timeline, end] : parts) {
    if (end <= from) continue;
    const std::uint64_t first = from.value / wal.segment_size;
    const std::uint64_t last = (end.value - 1) / wal.segment_size;
    for (std::uint64_t segment = first; segment <= last; ++segment)
      names.push_back(segment_name(timeline, Lsn{segment * wal.segment_size + 1}, wal.segment_size));
    from = end;
  }
  return names;
}

/// "Transaction/COMMIT        2 ( 66.67)  …", and COMMIT_PREPARED.
int commits_in(const std::string& stats) {
  int commits = 0;
  std::istringstream lines(stats);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string type;
    int count = 0;
    if (words >> type >> count && type.starts_with("Transaction/COMMIT")) commits += count;
  }
  return commits;
}

std::string keep_diverged_wal(const postgres::Tools& tools, const config::Files& files, const DivergedWal& wal) {
  if (wal.own.lsn <= wal.from) return {};
  const std::string target = place_of_diverged(files) + "/" + directory_name(wal);
  std::error_code error;
  if (fs::exists(target, error)) return {};
  const auto transactions = transactions_in(tools, files, wal);
  if (transactions == 0) return {};  // checkpoints, say
  const std::string what = (transactions ? fmt::format("{} transaction{}", *transactions, *transactions == 1 ? "" : "s")
                                         : std::string("WAL")) +
                           " that only this node had (" + range_of(wal) + ")";
  const std::uint64_t bytes = segments_of(wal).size() * wal.segment_size;
  const auto space = fs::space(files.directory, error);
  const std::uint64_t room = error ? 0 : diverged_room(space.available);
  if (bytes > room)
    return fmt::format("{} will be gone: it is {} MB of WAL, of which {} MB may be kept in {}", what, bytes / megabyte,
                       room / megabyte, place_of_diverged(files));
  const auto copied = copy_segments(files, wal, target);
  if (!copied) return what + " will be gone: " + copied.error().message;
  remove_oldest(place_of_diverged(files));
  return what + " will be gone from its data; the WAL is kept in " + target;
}

}  // namespace autoctl::keeper
