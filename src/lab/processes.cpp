#include "lab/processes.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace autoctl::lab {
namespace {

constexpr Millis poll_interval{20};

std::vector<Process> all_processes() {
  std::vector<Process> all;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (auto process = find_process(static_cast<pid_t>(std::stol(name)))) all.push_back(std::move(*process));
  }
  return all;
}

}  // namespace

std::optional<Process> find_process(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  // pid (name) state ppid …; the name may hold blanks and parentheses.
  const auto name_begin = line.find('(');
  const auto name_end = line.rfind(')');
  if (name_begin == std::string::npos || name_end == std::string::npos) return std::nullopt;
  Process process;
  process.pid = pid;
  process.name = line.substr(name_begin + 1, name_end - name_begin - 1);
  std::istringstream rest(line.substr(name_end + 1));
  char state = '?';
  if (!(rest >> state >> process.parent) || state == 'Z' || state == 'X') return std::nullopt;
  std::string skipped;
  for (int field = 5; field < 14; ++field) rest >> skipped;
  long ticks = 0;
  for (int field = 14; field < 18; ++field) {
    long value = 0;
    rest >> value;
    ticks += value;
  }
  for (int field = 18; field < 24; ++field) rest >> skipped;
  std::int64_t pages = 0;
  rest >> pages;
  process.cpu_time = Millis(ticks * 1000 / ::sysconf(_SC_CLK_TCK));
  process.resident_bytes = pages * ::sysconf(_SC_PAGESIZE);
  return process;
}

std::vector<Process> process_tree(pid_t root, std::optional<pid_t> except) {
  const auto all = all_processes();
  std::vector<Process> tree;
  if (auto top = find_process(root)) tree.push_back(std::move(*top));
  for (std::size_t i = 0; i < tree.size(); ++i)
    for (const auto& process : all)
      if (process.parent == tree[i].pid && process.pid != except) tree.push_back(process);
  return tree;
}

bool eventually(Millis timeout, const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(poll_interval);
  }
  return true;
}

}  // namespace autoctl::lab
