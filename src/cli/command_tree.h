// The whole tree of commands.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/invocation.h"

namespace autoctl::cli {

/// What the options before or after any verb say about the log.
struct LogOptions {
  int verbose = 0;
  int quiet = 0;
  std::string format = "text";
};

/// Parsing fills `invocation` and `log`, which must outlive the app.
std::unique_ptr<CLI::App> make_command_tree(Invocation& invocation, LogOptions& log);

/// The named commands below `app`, in help's order.
std::vector<CLI::App*> children(const CLI::App& app);

}  // namespace autoctl::cli
