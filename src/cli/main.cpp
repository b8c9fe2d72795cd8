#include <string>
#include <vector>

#include "cli/invocation.h"
#include "cli/outcome.h"
#include "common/util/exit_code.h"
#include "common/util/logging.h"
#include "common/util/program_name.h"
#include "common/util/redact.h"

int main(int argc, char** argv) {
  using namespace autoctl;
  if (argc > 0) set_program_name(argv[0]);
  logging::setup({});
  const auto invocation = cli::parse(std::vector<std::string>(argv + 1, argv + argc));
  hide_secrets(argc, argv);
  if (!invocation) {
    logging::error(invocation.error());
    return static_cast<int>(exit_code(invocation.error().code));
  }
  logging::setup(invocation->logging);
  return cli::run_to_end(*invocation);
}
