// What the log says of clients that a server had no time for, or refused.
#pragma once

#include <spdlog/spdlog.h>

#include "common/http/flood_watch.h"
#include "common/http/refusal_watch.h"

namespace autoctl::http {

/// For Server, as its StrainHandler.
class StrainLog {
 public:
  void operator()(const Strain& strain) {
    const auto now = std::chrono::steady_clock::now();
    if (const auto news = floods_.look(strain, now)) spdlog::warn("{}", *news);
    if (const auto news = refusals_.look(strain, now)) spdlog::warn("{}", *news);
  }

 private:
  FloodWatch floods_;
  RefusalWatch refusals_;
};

}  // namespace autoctl::http
