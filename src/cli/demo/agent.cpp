#include "cli/demo/agent.h"

#include <signal.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace autoctl::demo {
namespace {

constexpr Millis poll_interval{20};
constexpr Millis immediate_patience{3000};

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  char state = '?';
};

/// From /proc/<pid>/stat: pid (name) state ppid …; the name may hold blanks and parentheses.
std::optional<Process> read_process(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  Process process;
  std::istringstream rest(line.substr(name_end + 1));
  if (!(rest >> process.state >> process.parent)) return std::nullopt;
  process.pid = static_cast<pid_t>(std::stol(pid));
  return process;
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> children;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto process = read_process(name);
    if (process && process->parent == parent && process->state != 'Z') children.push_back(process->pid);
  }
  return children;
}

/// What the user's shell says about other clusters is not for ours.
std::vector<std::string> foreign_variables() {
  std::vector<std::string> names;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (text.starts_with("PG") || text.starts_with("AUTOCTL_")) names.emplace_back(text.substr(0, text.find('=')));
  }
  return names;
}

}  // namespace

bool eventually(Millis timeout, const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(poll_interval);
  }
  return true;
}

bool process_lives(pid_t pid) {
  const auto process = read_process(std::to_string(pid));
  return process && process->state != 'Z';
}

Agent::Agent(AgentOptions options) : options_(std::move(options)) {}

Command Agent::command_line(std::vector<std::string> words) const {
  Command command;
  command.without_env = foreign_variables();
  command.argv = options_.launcher;
  command.argv.push_back(options_.binary);
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  command.argv.insert(command.argv.end(), {"--pgdata", pgdata()});
  return command;
}

Result<> Agent::spawn(std::vector<std::string> words) {
  if (running()) return fail(Errc::conflict, name() + " runs already");
  Command command = command_line(std::move(words));
  command.output_file = log_file();
  daemon_.wait(Millis(0));  // reaps the former one
  auto child = Child::spawn(command);
  if (!child) return fail(std::move(child.error()));
  daemon_ = std::move(*child);
  return {};
}

Result<> Agent::create(std::vector<std::string> words) {
  words.emplace_back("--run");
  return spawn(std::move(words));
}

Result<> Agent::run() {
  return spawn({"run"});
}

Result<Finished> Agent::command(std::vector<std::string> words, Millis timeout) const {
  return autoctl::run(command_line(std::move(words)), timeout);
}

std::optional<pid_t> Agent::postmaster() const {
  std::ifstream file(pgdata() + "/postmaster.pid");
  pid_t pid = 0;
  if (!(file >> pid) || pid <= 1 || !process_lives(pid)) return std::nullopt;
  return pid;
}

void Agent::signal_daemon(int signal_number) {
  if (!running()) return;
  (void)daemon_.signal(signal_number);
  if (signal_number == SIGKILL) daemon_.wait(Millis(10'000));
}

void Agent::signal_postmaster(int signal_number) const {
  if (const auto pid = postmaster()) ::kill(*pid, signal_number);
}

void Agent::signal_node(int signal_number) {
  const auto pid = postmaster();
  signal_daemon(signal_number);
  if (!pid) return;
  // The list is made before the postmaster dies: its orphans get another parent.
  const auto backends = children_of(*pid);
  ::kill(*pid, signal_number);
  for (const pid_t backend : backends) ::kill(backend, signal_number);
}

Result<> Agent::thaw_or_run() {
  signal_node(SIGCONT);
  return running() ? Result<>{} : run();
}

bool Agent::stop(Millis patience) {
  signal_node(SIGCONT);
  signal_daemon(SIGTERM);
  const bool by_itself = !running() || daemon_.wait(patience).has_value();
  const auto clean = by_itself && !postmaster();
  signal_node(SIGKILL);
  return clean;
}

void Agent::destroy() {
  signal_daemon(SIGKILL);
  signal_node(SIGCONT);
  signal_postmaster(SIGQUIT);
  eventually(immediate_patience, [this] { return !postmaster(); });
  signal_node(SIGKILL);
}

std::string Agent::log_tail(int lines) const {
  std::ifstream file(log_file());
  std::deque<std::string> kept;
  for (std::string line; std::getline(file, line);) {
    kept.push_back(std::move(line));
    if (kept.size() > static_cast<std::size_t>(lines)) kept.pop_front();
  }
  std::string text;
  for (const auto& line : kept) text += "  " + line + "\n";
  return text;
}

}  // namespace autoctl::demo
