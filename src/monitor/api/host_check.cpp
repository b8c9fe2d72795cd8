#include "monitor/api/host_check.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <mutex>
#include <system_error>
#include <thread>

#include "common/util/loopback.h"
#include "common/util/resolve.h"

namespace autoctl::monitor {

namespace {

using Clock = std::chrono::steady_clock;

/// A node that waits longer has given up: it must not be registered behind its back.
constexpr std::chrono::seconds host_patience{5};
constexpr int at_once_max = 4;

Result<> judge(const std::string& host, const std::string& elsewhere, Clock::time_point asked) {
  const std::string hint = "it must resolve on the monitor and on all other nodes; or give an address: --hostname " +
                           (elsewhere.empty() ? "ADDRESS" : elsewhere);
  const auto found = resolve(host);
  if (Clock::now() - asked > host_patience)
    return fail(Errc::timeout, "the monitor's name servers did not say in time where \"" + host + "\" is", hint);
  if (!found)
    return fail(Errc::conflict,
                "the host name \"" + host + "\" does not resolve on the monitor: " + found.error().message, hint);
  if (!elsewhere.empty() && std::ranges::all_of(*found, &SocketAddress::is_loopback))
    return fail(Errc::conflict,
                "the host name \"" + host + "\" is " + found->front().text() +
                    " on the monitor, and this node is on another machine (" + elsewhere + ")",
                hint);
  return {};
}

}  // namespace

struct HostCheck::State {
  std::mutex mutex;
  bool over = false;
  int under_way = 0;
};

HostCheck::HostCheck() : state_(std::make_shared<State>()) {}

HostCheck::~HostCheck() {
  const std::lock_guard lock(state_->mutex);
  state_->over = true;
}

void HostCheck::check(const std::string& host, const std::string& elsewhere, Then then) const {
  // What its spelling alone tells is for the engine to say.
  if (host.empty() || is_loopback_host(host) || resolve(host, {.numeric_only = true})) return then({});
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->under_way >= at_once_max)
      return then(fail(Errc::unavailable, "the monitor's name servers keep others waiting, too", "try again"));
    ++state_->under_way;
  }
  sigset_t all{}, before{};
  ::sigfillset(&all);  // signals are the main thread's business
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread([state = state_, host, elsewhere, then, asked = Clock::now()] {
      auto found = judge(host, elsewhere, asked);
      const std::lock_guard lock(state->mutex);
      --state->under_way;
      if (!state->over) then(std::move(found));
    }).detach();
  } catch (const std::system_error& error) {
    const std::lock_guard lock(state_->mutex);
    --state_->under_way;
    then(fail(Errc::unavailable, error.what()));
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace autoctl::monitor
