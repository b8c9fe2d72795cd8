#include "common/util/jitter.h"

#include <random>

namespace autoctl {

std::chrono::milliseconds some_of(std::chrono::milliseconds pause) {
  thread_local std::minstd_rand chance(std::random_device{}());
  const auto most = pause.count();
  return std::chrono::milliseconds(std::uniform_int_distribution<decltype(most)>(most / 2, most)(chance));
}

}  // namespace autoctl
