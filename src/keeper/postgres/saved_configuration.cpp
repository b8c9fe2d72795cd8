#include "keeper/postgres/saved_configuration.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <vector>

#include "common/util/sync_directory.h"
#include "keeper/postgres/markers.h"

namespace autoctl::keeper {
namespace {

namespace fs = std::filesystem;

/// Top-level entries that are data, state or logs of the server. postmaster.opts is not among them: it may be all that
/// tells where the configuration is.
constexpr std::array<std::string_view, 17> server_entries = {
    "PG_VERSION",         "backup_label",   "backup_label.old", "backup_manifest",  "tablespace_map",
    "tablespace_map.old", "postmaster.pid", "standby.signal",   "recovery.signal",  "logfile",
    "current_logfiles",   "base",           "global",           "pg_internal.init", "log",
    "lost+found",         "promote"};
/// Somebody keeps something else in PGDATA; that is his, but no configuration.
constexpr std::uintmax_t largest_file = 4 * 1024 * 1024;

/// A file of configuration, or a directory of logs or statistics, that lies elsewhere. Not data: pg_wal's own link is seen
/// to by those who copy.
bool is_kept_link(const fs::path& link) {
  const std::string name = link.filename().string();
  std::error_code error;
  if (!fs::is_directory(link, error) || name == "pg_log" || name == "pg_stat_tmp") return true;
  return !name.starts_with("pg_") && name != "base" && name != "global";
}

bool is_small(const fs::path& directory) {
  std::error_code error;
  std::uintmax_t total = 0;
  for (const auto& entry : fs::recursive_directory_iterator(directory, error)) {
    if (entry.is_regular_file(error)) total += entry.file_size(error);
    if (total > largest_file) return false;
  }
  return !error;
}

bool is_configuration(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename().string();
  std::error_code ignored;
  if (entry.is_symlink(ignored)) return is_kept_link(entry.path());
  if (std::ranges::find(server_entries, name) != server_entries.end() || name.starts_with(".autoctl.")) return false;
  std::error_code error;
  if (entry.is_directory(error)) return !name.starts_with("pg_") && is_small(entry.path());
  // What we cannot read Postgres cannot read either.
  return entry.is_regular_file(error) && entry.file_size(error) <= largest_file &&
         ::access(entry.path().c_str(), R_OK) == 0;
}

std::string saved_path(const config::Files& files) {
  return files.directory + "/saved-configuration";
}

Result<> copy_configuration(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::create_directories(to, error);
  auto entries = fs::directory_iterator(from, error);
  if (error) return fail(Errc::system, "cannot read " + from + ": " + error.message());
  constexpr auto how =
      fs::copy_options::recursive | fs::copy_options::overwrite_existing | fs::copy_options::copy_symlinks;
  for (const auto& entry : entries) {
    if (!is_configuration(entry)) continue;
    const fs::path target = fs::path(to) / entry.path().filename();
    fs::remove_all(target, error);  // it may be read-only, or a directory where this is a link
    fs::copy(entry.path(), target, how, error);
    if (error) return fail(Errc::system, "cannot copy " + entry.path().string() + ": " + error.message());
  }
  return sync_data_directory(to);
}

}  // namespace

Result<> save_configuration(const config::Files& files) {
  std::error_code error;
  if (fs::exists(saved_path(files), error)) return {};
  AUTOCTL_TRY(make_own_directory(files));
  const std::string temporary = saved_path(files) + ".new";
  fs::remove_all(temporary, error);
  AUTOCTL_TRY(copy_configuration(files.pgdata, temporary));
  fs::rename(temporary, saved_path(files), error);
  if (error) return fail(Errc::system, "cannot rename " + temporary + ": " + error.message());
  return sync_directory(files.directory);
}

Result<> take_links_aside(const std::string& pgdata) {
  std::error_code error;
  std::vector<fs::path> links;
  for (const auto& entry : fs::directory_iterator(pgdata, error))
    if (entry.is_symlink(error) && is_kept_link(entry.path())) links.push_back(entry.path());
  for (const auto& link : links) {
    fs::remove(link, error);
    if (error) return fail(Errc::system, "cannot remove the link " + link.string() + ": " + error.message());
  }
  return {};
}

Result<> restore_configuration(const config::Files& files, const std::string& target) {
  std::error_code error;
  if (!fs::exists(saved_path(files), error)) return {};
  return copy_configuration(saved_path(files), target);
}

Result<> remove_brought_files(const config::Files& files, const Layout& layout) {
  if (!layout.config_outside()) return {};
  for (const auto& path : {layout.config_file, layout.hba_file, layout.ident_file, layout.include_file}) {
    const std::string name = fs::path(path).filename().string(), brought = layout.pgdata + "/" + name;
    std::error_code error;
    if (path == brought || fs::exists(saved_path(files) + "/" + name, error)) continue;
    fs::remove(brought, error);
    if (error) return fail(Errc::system, "cannot remove " + brought + ": " + error.message());
  }
  return {};
}

void forget_saved_configuration(const config::Files& files) {
  std::error_code ignored;
  fs::remove_all(saved_path(files), ignored);
}

}  // namespace autoctl::keeper
