#include "lab/autoctl_daemon.h"

#include <signal.h>
#include <unistd.h>

namespace autoctl::lab {

namespace {

/// A fast shutdown of Postgres, and an immediate one if that does not help, fit in.
constexpr Millis end_patience{30'000};

}  // namespace

std::vector<std::string> foreign_variables() {
  std::vector<std::string> names;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (text.starts_with("PG") || text.starts_with("AUTOCTL_")) names.emplace_back(text.substr(0, text.find('=')));
  }
  return names;
}

Command AutoctlDaemon::command(const std::vector<std::string>& words) const {
  Command command;
  command.without_env = foreign_variables();
  command.argv = tool_.launcher;
  command.argv.push_back(tool_.binary);
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  command.argv.insert(command.argv.end(), {"--pgdata", pgdata()});
  return command;
}

Result<> AutoctlDaemon::create(std::vector<std::string> words) {
  words.emplace_back("--run");
  return start(command(words));
}

Result<> AutoctlDaemon::run() {
  return start(command({"run"}));
}

Result<> AutoctlDaemon::thaw_or_run() {
  signal_node(SIGCONT);
  if (ending() && !await_end(end_patience)) return fail(Errc::timeout, name() + " was asked to end, but goes on");
  return running() ? Result<>{} : run();
}

}  // namespace autoctl::lab
