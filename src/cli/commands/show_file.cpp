#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"
#include "cli/output/table.h"
#include "common/util/redact.h"

namespace autoctl::cli {

namespace {

struct ShowFileOptions {
  std::string pgdata;
  bool contents = false;
  bool json = false;
};

struct Entry {
  std::string title, key, path;
};

std::vector<Entry> entries(const config::Files& files) {
  return {{"Config", "config", files.config()},
          {"State", "state", files.state()},
          {"Pid", "pid", files.pid()},
          {"Certificate", "certificate", files.certificate()},
          {"Monitor's CA", "monitor_ca", files.monitor_ca()},
          {"Startup log", "startup_log", files.startup_log()}};
}

Result<ExitCode> show_file(const ShowFileOptions& options) {
  const auto files = files_of(options.pgdata);
  if (!files) return fail(files.error());
  if (options.contents) {
    const auto text = config::read_file(files->config());
    if (!text) return fail(text.error());
    const auto config = config::load(*files);
    print(config ? redact_in(*text, config->monitor) : *text);  // an earlier autoctl kept the password there
    return ExitCode::ok;
  }
  nlohmann::json object;
  Table table({{"File", 12}, {"Path", 16, true}});
  for (const Entry& entry : entries(*files)) {
    if (!std::filesystem::exists(entry.path)) continue;
    object[entry.key] = entry.path;
    table.add({entry.title, entry.path});
  }
  if (object.empty())
    return fail(Errc::not_found, files->pgdata + " is not set up: there is no " + files->directory, "check --pgdata");
  print(options.json ? pretty(object) : table.text());
  return ExitCode::ok;
}

void declare(Verb command, ShowFileOptions& options) {
  add_pgdata(command, options.pgdata);
  command.add_flag("--contents", options.contents, "print the configuration file");
  add_json(command, options.json);
}

}  // namespace

void add_show_file(Verb show, Invocation& invocation) {
  add_command<ShowFileOptions>(show, invocation, "file", "where autoctl keeps its own files",
                               "autoctl show file --pgdata /srv/pg", declare, show_file);
}

}  // namespace autoctl::cli
