#include "system.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "lab/autoctl_daemon.h"

namespace autoctl::bench {
namespace {

constexpr Millis ask_timeout{1000};

/// Where Debian keeps initdb and its like: the newest major.
std::string postgres_tools() {
  std::string newest;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", ignored))
    newest = std::max(newest, entry.path().string() + "/bin");
  return newest;
}

Result<std::string> ask(const lab::FailoverDaemon& node, const std::string& sql) {
  auto connection = pg::Connection::open(lab::conninfo({{node.host(), node.pgport()}}, "postgres", "any"), ask_timeout);
  if (!connection) return fail(std::move(connection.error()));
  auto rows = connection->query(sql, ask_timeout);
  if (!rows) return fail(std::move(rows.error()));
  return rows->text(0, 0);
}

}  // namespace

bool installed(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string directories = path != nullptr ? path : "";
  directories += ":";
  for (std::size_t begin = 0, end; (end = directories.find(':', begin)) != std::string::npos; begin = end + 1)
    if (::access((directories.substr(begin, end - begin) + "/" + program).c_str(), X_OK) == 0) return true;
  return false;
}

Command tool(const std::vector<std::string>& argv) {
  Command command;
  command.argv = {"/usr/bin/env"};
  command.argv.insert(command.argv.end(), argv.begin(), argv.end());
  command.without_env = lab::foreign_variables();
  const char* path = std::getenv("PATH");
  command.env["PATH"] = postgres_tools() + ":" + (path != nullptr ? path : "/usr/bin:/bin");
  return command;
}

Result<std::string> run_tool(const std::vector<std::string>& argv, Millis timeout) {
  auto finished = run(tool(argv), timeout);
  if (!finished) return fail(std::move(finished.error()));
  if (!finished->ok()) return fail(Errc::unavailable, fmt::format("{}: {}", argv.front(), finished->output));
  return std::move(finished->output);
}

std::vector<lab::ServerAddress> System::servers() {
  std::vector<lab::ServerAddress> all;
  for (const auto* node : nodes()) all.push_back({node->host(), node->pgport()});
  return all;
}

lab::FailoverDaemon* System::primary() {
  lab::FailoverDaemon* found = nullptr;
  for (auto* node : nodes()) {
    if (ask(*node, "SELECT pg_is_in_recovery()") != "f") continue;
    if (found != nullptr) return nullptr;
    found = node;
  }
  return found;
}

bool System::wait_settled(Millis timeout) {
  const std::string others = std::to_string(nodes().size() - 1);
  return lab::eventually(timeout, [&] {
    const auto* node = primary();
    return node != nullptr &&
           ask(*node, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == others && ready();
  });
}

}  // namespace autoctl::bench
