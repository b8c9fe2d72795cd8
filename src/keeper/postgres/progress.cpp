#include "keeper/postgres/progress.h"

#include <algorithm>
#include <filesystem>

#include "common/postgres/proc.h"

namespace autoctl::keeper {
namespace {

using namespace std::chrono_literals;
constexpr auto progress_interval = 2s;
constexpr auto progress_patience = 30s;
/// Waiting for WAL costs the startup process some CPU, too: a tick (10 ms) or two in `progress_interval` is no work.
constexpr std::uint64_t idle_ticks = 3;

}  // namespace

RecoveryProgress::RecoveryProgress(const postgres::Postmaster& postmaster, std::string log)
    : postmaster_(postmaster), log_(std::move(log)) {
  const auto now = std::chrono::steady_clock::now();
  next_look_ = now + progress_interval;
  moved_ = now;
}

bool RecoveryProgress::waits_for_wal() const {
  return std::ranges::any_of(postmaster_.children(), [](pid_t pid) {
    return postgres::proc::command_line(pid).find("startup waiting for") != std::string::npos;
  });
}

RecoveryProgress::Work RecoveryProgress::measure() const {
  Work work;
  auto processes = postmaster_.children();
  processes.push_back(postmaster_.pid());
  for (const pid_t pid : processes) {
    if (const auto stat = postgres::proc::stat(pid)) work.cpu_ticks += stat->cpu_ticks;
    work.storage_bytes += postgres::proc::storage_bytes(pid);
  }
  std::error_code error;
  if (const auto size = std::filesystem::file_size(log_, error); !error) work.log_bytes = size;
  return work;
}

bool RecoveryProgress::stalled() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_look_) return false;
  next_look_ = now + progress_interval;
  const Work work = measure();
  const bool worked = work.cpu_ticks > last_.cpu_ticks + idle_ticks || work.storage_bytes > last_.storage_bytes ||
                      work.log_bytes > last_.log_bytes;
  if (worked && !waits_for_wal()) moved_ = now;
  last_ = work;
  return now - moved_ > progress_patience;
}

}  // namespace autoctl::keeper
