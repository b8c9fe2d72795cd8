#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/config.h"
#include "cli/output/print.h"
#include "cli/output/table.h"
#include "common/util/redact.h"

namespace autoctl::cli {

namespace {

struct ShowFileOptions {
  std::string pgdata;
  bool state = false, pid = false, init = false, config = false, all = false;
  bool contents = false;
  bool json = false;
};

struct Entry {
  std::string title, key, path;
};

std::vector<Entry> entries(const config::Files& files) {
  return {{"Config", "config", files.config()},
          {"State", "state", files.state()},
          {"Init", "init", files.instance()},
          {"Pid", "pid", files.pid()},
          {"Certificate", "certificate", files.certificate()},
          {"Monitor's CA", "monitor_ca", files.monitor_ca()},
          {"Startup log", "startup_log", files.startup_log()}};
}

/// The key of the one file that was asked for; empty: all.
std::string chosen(const ShowFileOptions& options) {
  if (options.all) return "";
  return options.state ? "state" : options.pid ? "pid" : options.init ? "init" : options.config ? "config" : "";
}

Result<ExitCode> show_config(const config::Files& files, bool json) {
  const auto text = config::read_file(files.config());
  if (!text) return fail(text.error());
  auto config = config::load(files);
  if (config && json) {
    config->monitor = redact(config->monitor);
    print(pretty(config_json(*config)));
  } else {
    print(config ? redact_in(*text, config->monitor) : *text);  // an earlier autoctl kept the password there
  }
  return ExitCode::ok;
}

Result<ExitCode> show_contents(const config::Files& files, const std::string& key, bool json) {
  if (key.empty() || key == "config") return show_config(files, json);
  if (key == "init")
    return fail(Errc::bad_usage, "what is in " + files.instance() + " proves that this is the node: it is a secret",
                "`autoctl show file --state --contents` shows what the node remembers");
  const auto text = config::read_file(key == "state" ? files.state() : files.pid());
  if (!text) return fail(text.error());
  print(*text);
  return ExitCode::ok;
}

Result<ExitCode> show_paths(const config::Files& files, const std::string& key, bool json) {
  nlohmann::json object;
  Table table({{"File", 12}, {"Path", 16, true}});
  for (const Entry& entry : entries(files)) {
    if ((!key.empty() && entry.key != key) || !std::filesystem::exists(entry.path)) continue;
    object[entry.key] = entry.path;
    table.add({entry.title, entry.path});
  }
  if (object.empty())
    return fail(Errc::not_found,
                key.empty() ? files.pgdata + " is not set up: there is no " + files.directory
                            : "there is no such file of " + files.pgdata + " now",
                "check --pgdata");
  print(json ? pretty(object) : key.empty() ? table.text() : object[key].get<std::string>() + '\n');
  return ExitCode::ok;
}

Result<ExitCode> show_file(const ShowFileOptions& options) {
  const auto files = files_of(options.pgdata);
  if (!files) return fail(files.error());
  return options.contents ? show_contents(*files, chosen(options), options.json)
                          : show_paths(*files, chosen(options), options.json);
}

void declare(Verb command, ShowFileOptions& options) {
  add_pgdata(command, options.pgdata);
  auto all = command.add_flag("--all", options.all, "all of them; this is the default");
  auto state = command.add_flag("--state", options.state, "the one that says which state the node has reached");
  auto pid = command.add_flag("--pid", options.pid, "the one that is locked while the daemon runs");
  auto init = command.add_flag("--init", options.init, "the one that says who the node is");
  auto config = command.add_flag("--config", options.config, "the configuration");
  all.excludes(state).excludes(pid).excludes(init).excludes(config);
  state.excludes(pid).excludes(init).excludes(config);
  pid.excludes(init).excludes(config);
  init.excludes(config);
  command.add_flag("--contents", options.contents, "print what is in it; default: in the configuration");
  add_json(command, options.json);
}

}  // namespace

void add_show_file(Verb show, Invocation& invocation) {
  add_command<ShowFileOptions>(show, invocation, "file", "where autoctl keeps its own files",
                               "autoctl show file --pgdata /srv/pg", declare, show_file);
}

}  // namespace autoctl::cli
