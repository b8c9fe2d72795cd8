#include "keeper/postgres/swap.h"

#include <spdlog/spdlog.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "common/util/sync_directory.h"
#include "keeper/postgres/markers.h"

namespace autoctl::keeper {
namespace {

namespace fs = std::filesystem;

// The steps of a swap as its plan names them. Each can be repeated, and each is complete before the next is written
// down.
constexpr const char* exchange = "exchange directories\n";  // PGDATA -> old, copy -> PGDATA
constexpr const char* move_out = "move contents out\n";     // mount point: PGDATA/* -> PGDATA/old/
constexpr const char* move_in = "move contents in\n";       // mount point: PGDATA/copy/* -> PGDATA/
constexpr const char* inner_copy = ".autoctl.clone";
constexpr const char* inner_old = ".autoctl.old";

std::string plan_path(const config::Files& files) {
  return files.directory + "/swap.unfinished";
}
bool exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

/// Old data, numbered: an earlier swap may not have been able to remove its own.
std::string old_path(const config::Files& files, int number) {
  return files.pgdata + ".old" + (number == 0 ? "" : "." + std::to_string(number));
}

std::string free_old_path(const config::Files& files) {
  int number = 0;
  while (exists(old_path(files, number))) ++number;
  return old_path(files, number);
}

/// "\\040" and its like, as the kernel writes blanks in paths.
std::string without_octal(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// From the kernel's list: a bind mount has its parent's device number, too.
bool is_mount_point(const std::string& path) {
  std::error_code error;
  const std::string wanted = fs::canonical(path, error).string();
  if (error) return false;
  std::ifstream mounts("/proc/self/mountinfo");
  std::string line;
  while (std::getline(mounts, line)) {
    std::istringstream words(line);
    std::string word;
    for (int i = 0; i < 5; ++i) words >> word;
    if (without_octal(word) == wanted) return true;
  }
  return false;
}

Result<> failed(const std::string& what, const std::error_code& error) {
  return fail(Errc::system, "cannot " + what + ": " + error.message());
}

Result<> rename(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::rename(from, to, error);
  return error ? failed("rename " + from + " to " + to, error) : Result<>{};
}

Result<> remove_tree(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  return error ? failed("remove " + path, error) : Result<>{};
}

Result<> move_entries(const std::string& from, const std::string& to) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(from, error)) entries.push_back(entry.path());
  if (error) return failed("read " + from, error);
  for (const auto& entry : entries) {
    const std::string name = entry.filename().string();
    if (name == inner_copy || name == inner_old) continue;
    AUTOCTL_TRY(rename(entry.string(), to + "/" + name));
  }
  AUTOCTL_TRY(sync_directory(to));
  return sync_directory(from);
}

Result<> finish_plan(const config::Files& files) {
  std::error_code error;
  fs::remove(plan_path(files), error);
  return error ? failed("remove " + plan_path(files), error) : Result<>{};
}

/// The copy is in place already. What belongs to another user may not let itself be removed.
void remove_old_data(const std::string& path) {
  if (const auto removed = remove_tree(path); !removed)
    spdlog::warn("The old data in {} is not needed any more, and is left: {}", path, removed.error().message);
}

Result<> exchange_directories(const config::Files& files) {
  const std::string parent = fs::path(files.pgdata).parent_path().string();
  if (exists(files.clone_directory())) {
    if (exists(files.pgdata)) AUTOCTL_TRY(rename(files.pgdata, free_old_path(files)));
    AUTOCTL_TRY(rename(files.clone_directory(), files.pgdata));
    AUTOCTL_TRY(sync_directory(parent));
  }
  AUTOCTL_TRY(finish_plan(files));
  for (int number = 0; exists(old_path(files, number)); ++number) remove_old_data(old_path(files, number));
  return {};
}

Result<> exchange_contents(const config::Files& files, bool moved_out) {
  const std::string old = files.pgdata + "/" + inner_old;
  const std::string copy = files.pgdata + "/" + inner_copy;
  if (!moved_out) {
    std::error_code error;
    fs::create_directory(old, error);
    if (error) return failed("create " + old, error);
    AUTOCTL_TRY(move_entries(files.pgdata, old));
    AUTOCTL_TRY(config::write_file(plan_path(files), move_in));
  }
  if (exists(copy)) {
    AUTOCTL_TRY(move_entries(copy, files.pgdata));
    AUTOCTL_TRY(remove_tree(copy));
  }
  AUTOCTL_TRY(finish_plan(files));
  remove_old_data(old);
  return {};
}

}  // namespace

std::string copy_directory(const config::Files& files) {
  return is_mount_point(files.pgdata) ? files.pgdata + "/" + inner_copy : files.clone_directory();
}

Result<> swap_in_copy(const config::Files& files) {
  AUTOCTL_TRY(make_own_directory(files));
  AUTOCTL_TRY(config::write_file(plan_path(files), is_mount_point(files.pgdata) ? move_out : exchange));
  return finish_interrupted_swap(files);
}

Result<> finish_interrupted_swap(const config::Files& files) {
  const auto plan = config::read_file(plan_path(files));
  if (!plan) return plan.error().code == Errc::not_found ? Result<>{} : fail(plan.error());
  if (*plan == exchange) return exchange_directories(files);
  if (*plan == move_out || *plan == move_in) return exchange_contents(files, *plan == move_in);
  return fail(Errc::bad_config, plan_path(files) + " is not what autoctl wrote");
}

void discard_copy(const config::Files& files) {
  std::error_code ignored;
  fs::remove_all(copy_directory(files), ignored);
}

}  // namespace autoctl::keeper
