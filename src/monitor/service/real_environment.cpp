#include "monitor/service/real_environment.h"

#include <spdlog/spdlog.h>

#include "common/tls/certificate.h"

namespace autoctl::monitor {

Environment real_environment() {
  return {.now = [] { return std::chrono::steady_clock::now(); },
          .wall = [] { return std::chrono::system_clock::now(); },
          .random_token = tls::random_token,
          .inform = [](const std::string& text) { spdlog::info("{}", text); },
          .warn = [](const std::string& text) { spdlog::warn("{}", text); }};
}

}  // namespace autoctl::monitor
