#include "common/http/lookup.h"

#include <csignal>
#include <system_error>
#include <thread>
#include <utility>

#include "common/util/resolve.h"

namespace autoctl::http {

std::shared_ptr<const Lookup> Lookup::start(const std::string& host, std::function<void()> when_done) {
  auto lookup = std::make_shared<Lookup>();
  sigset_t all{}, before{};
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread([lookup, host, when_done = std::move(when_done)] {
      lookup->ask(host);
      when_done();
    }).detach();
  } catch (const std::system_error& error) {
    lookup->error_ = error.what();
    lookup->done_.store(true, std::memory_order_release);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return lookup;
}

void Lookup::ask(const std::string& host) {
  if (const auto found = resolve(host))
    for (const SocketAddress& address : *found) addresses_.push_back(address.text());
  else
    error_ = found.error().message;
  done_.store(true, std::memory_order_release);
}

}  // namespace autoctl::http
