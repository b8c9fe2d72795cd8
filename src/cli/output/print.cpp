#include "cli/output/print.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "common/util/program_name.h"

namespace autoctl::cli {

void print(const std::string& text) {
  std::fputs(with_program_name(text).c_str(), stdout);
  std::fflush(stdout);
}

std::string pretty(const nlohmann::json& value) {
  return value.dump(4, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

}  // namespace autoctl::cli
