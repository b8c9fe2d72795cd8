#include "cli/outcome.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/output/print.h"
#include "common/protocol/protocol.h"

namespace autoctl::cli {

namespace {

void tell(const Invocation& invocation, ExitCode code, const Error* error) {
  if (!invocation.json_outcome) return;
  nlohmann::json document = {{"command", invocation.command}, {"exit_code", static_cast<int>(code)}};
  if (error != nullptr)
    document["error"] = {
        {"code", protocol::to_string(error->code)}, {"message", error->message}, {"hint", error->hint}};
  print(pretty(document), stdout);
}

}  // namespace

int run_to_end(const Invocation& invocation) {
  if (invocation.json_outcome) print_to(stderr);
  const auto code = invocation.run();
  if (code) {
    tell(invocation, *code, nullptr);
    return static_cast<int>(*code);
  }
  logging::error(code.error());
  tell(invocation, exit_code(code.error().code), &code.error());
  return static_cast<int>(exit_code(code.error().code));
}

}  // namespace autoctl::cli
