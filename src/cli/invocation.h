// What a command line asks for, ready to be done: parsing fills it in, main runs it.
#pragma once

#include <any>
#include <functional>
#include <string>
#include <vector>

#include "common/util/exit_code.h"
#include "common/util/logging.h"
#include "common/util/result.h"

namespace autoctl::cli {

struct Invocation {
  std::string command;                    // "show state"
  std::any options;                       // the command's own options struct, as `run` will see it
  std::function<Result<ExitCode>()> run;  // never empty after parse()
  logging::Options logging;
  bool json_outcome = false;  // a command without JSON of its own was asked for some: main prints how it ended
};

/// Arguments without the program's name. Prints nothing, does nothing. Errors: bad_usage, with the nearest verb or the
/// option that is meant as a hint.
Result<Invocation> parse(const std::vector<std::string>& arguments);

/// Every command with its sentence, options and example, as Markdown: docs/cli.md.
std::string manual();
/// A completion script for bash.
std::string bash_completion();

}  // namespace autoctl::cli
