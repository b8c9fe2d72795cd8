#include "common/postgres/proc.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <sstream>

#include "common/config/files.h"

namespace autoctl::postgres::proc {
namespace {

std::string path(pid_t pid, const char* file) {
  return "/proc/" + std::to_string(pid) + "/" + file;
}

std::string read(pid_t pid, const char* file) {
  return config::read_file(path(pid, file)).value_or("");
}

/// The word after "label:" in a file of such lines.
std::string field(const std::string& text, const std::string& label) {
  const auto at = text.find(label + ":");
  if (at == std::string::npos) return {};
  std::istringstream rest(text.substr(at + label.size() + 1, 64));
  std::string word;
  rest >> word;
  return word;
}

}  // namespace

std::optional<Stat> stat(pid_t pid) {
  const std::string text = read(pid, "stat");
  // pid (name) state ppid …; the name may hold blanks and parentheses.
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  if (open == std::string::npos || close == std::string::npos) return std::nullopt;
  Stat out;
  out.name = text.substr(open + 1, close - open - 1);
  std::istringstream rest(text.substr(close + 1));
  rest >> out.state >> out.parent;
  std::string skipped;
  for (int i = 0; i < 9; ++i) rest >> skipped;
  std::uint64_t user = 0, system = 0;
  rest >> user >> system;
  out.cpu_ticks = user + system;
  return out;
}

std::optional<pid_t> last_given() {
  const std::string text = config::read_file("/proc/sys/kernel/ns_last_pid").value_or("");
  pid_t pid = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), pid).ec != std::errc{}) return std::nullopt;
  return pid;
}

bool is_postgres(pid_t pid) {
  const auto found = stat(pid);
  // Up to version 15 there is a link of the other name.
  return found && found->state != 'Z' && (found->name == "postgres" || found->name == "postmaster");
}

std::string command_line(pid_t pid) {
  std::string text = read(pid, "cmdline");
  while (!text.empty() && text.back() == '\0') text.pop_back();
  std::ranges::replace(text, '\0', ' ');
  return text;
}

bool works_in(pid_t pid, const std::string& directory) {
  struct stat here {
  }, there{};
  if (::stat(path(pid, "cwd").c_str(), &here) != 0 || ::stat(directory.c_str(), &there) != 0) return false;
  return here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

bool idle_and_signalled(pid_t pid) {
  const std::string text = read(pid, "status");
  const auto none = [](const std::string& mask) {
    return !mask.empty() && mask.find_first_not_of('0') == std::string::npos;
  };
  return field(text, "State") == "S" && none(field(text, "SigPnd")) && none(field(text, "ShdPnd"));
}

bool is_stopped(pid_t pid) {
  const auto found = stat(pid);
  return found && found->state == 'T';
}

Activity activity(pid_t pid) {
  const std::string text = read(pid, "status");
  const std::string state = field(text, "\nState");
  const auto number = [&](const char* label) { return std::strtoull(field(text, label).c_str(), nullptr, 10); };
  return {.state = state.empty() ? '?' : state.front(),
          .switches = number("\nvoluntary_ctxt_switches") + number("\nnonvoluntary_ctxt_switches")};
}

std::uint64_t storage_bytes(pid_t pid) {
  const std::string text = read(pid, "io");
  const auto number = [&](const char* label) {
    const std::string word = field(text, label);
    return word.empty() ? 0ULL : std::strtoull(word.c_str(), nullptr, 10);
  };
  return number("\nread_bytes") + number("\nwrite_bytes");
}

std::vector<pid_t> own() {
  std::vector<pid_t> pids;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc"), ::closedir);
  if (!directory) return pids;
  while (const dirent* entry = ::readdir(directory.get())) {
    char* end = nullptr;
    const long pid = std::strtol(entry->d_name, &end, 10);
    if (pid <= 0 || *end != '\0') continue;
    struct stat info {};
    if (::fstatat(::dirfd(directory.get()), entry->d_name, &info, 0) == 0 && info.st_uid == ::geteuid())
      pids.push_back(static_cast<pid_t>(pid));
  }
  return pids;
}

}  // namespace autoctl::postgres::proc
