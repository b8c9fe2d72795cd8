#include "lab/failover_daemon.h"

#include <signal.h>

#include <deque>
#include <fstream>

namespace autoctl::lab {
namespace {

constexpr Millis death_patience{10'000};
constexpr Millis immediate_patience{3000};

void signal_all(const std::vector<Process>& processes, int signal_number) {
  for (const auto& process : processes) ::kill(process.pid, signal_number);
}

}  // namespace

Result<> FailoverDaemon::start(Command command) {
  if (running()) return fail(Errc::conflict, name() + " runs already");
  child_.wait(Millis(0));  // reaps the former one
  command.output_file = log_file();
  auto child = Child::spawn(command);
  if (!child) return fail(std::move(child.error()));
  child_ = std::move(*child);
  ending_ = false;
  return {};
}

std::optional<int> FailoverDaemon::await_exit_code(Millis patience) {
  const auto finished = child_.wait(patience);
  return finished ? std::optional(finished->exit_code) : std::nullopt;
}

std::optional<pid_t> FailoverDaemon::postmaster() const {
  std::ifstream file(pgdata() + "/postmaster.pid");
  pid_t pid = 0;
  if (!(file >> pid) || pid <= 1) return std::nullopt;
  // After a SIGKILL the file stays, and one day another process has this number.
  const auto process = find_process(pid);
  return process && process->name == "postgres" ? std::optional(pid) : std::nullopt;
}

void FailoverDaemon::signal_daemon(int signal_number) {
  if (!running()) return;
  // What asks for an orderly end is for the daemon alone; it ends its helpers itself.
  if (signal_number == SIGTERM) {
    (void)child_.signal(signal_number);
    ending_ = true;
    return;
  }
  signal_all(process_tree(child_.pid(), postmaster()), signal_number);
  if (signal_number == SIGKILL) child_.wait(death_patience);
}

void FailoverDaemon::signal_postmaster(int signal_number) const {
  if (const auto pid = postmaster()) ::kill(*pid, signal_number);
}

void FailoverDaemon::signal_node(int signal_number) {
  const auto pid = postmaster();
  signal_daemon(signal_number);
  // The list is made before the postmaster dies: its orphans get another parent.
  if (pid) signal_all(process_tree(*pid), signal_number);
}

bool FailoverDaemon::stop(Millis patience) {
  signal_node(SIGCONT);
  signal_daemon(SIGTERM);
  const bool by_itself = await_end(patience);
  const bool clean = by_itself && !postmaster();
  signal_node(SIGKILL);
  return clean;
}

void FailoverDaemon::destroy() {
  signal_daemon(SIGKILL);
  signal_node(SIGCONT);
  signal_postmaster(SIGQUIT);
  eventually(immediate_patience, [this] { return !postmaster(); });
  signal_node(SIGKILL);
}

std::string FailoverDaemon::log_tail(int lines) const {
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

}  // namespace autoctl::lab
