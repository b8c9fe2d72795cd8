#include "cli/output/print.h"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace autoctl::cli {

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

std::string pretty(const nlohmann::json& value) {
  return value.dump(4, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

}  // namespace autoctl::cli
