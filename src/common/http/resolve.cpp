#include "common/http/resolve.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <system_error>
#include <thread>
#include <utility>

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
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (failed != 0) error_ = ::gai_strerror(failed);
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(each->ai_addr, each->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0)
      continue;
    if (std::ranges::find(addresses_, text.data()) == addresses_.end()) addresses_.emplace_back(text.data());
  }
  if (found != nullptr) ::freeaddrinfo(found);
  done_.store(true, std::memory_order_release);
}

}  // namespace autoctl::http
