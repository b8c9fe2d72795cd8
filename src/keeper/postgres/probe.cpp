// Does a postmaster answer on this port? One SSLRequest, which it answers with one byte before any authentication.
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string_view>

#include "common/util/descriptor.h"
#include "keeper/postgres/instance.h"

namespace autoctl::keeper {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view ssl_request{"\0\0\0\x08\x04\xd2\x16\x2f", 8};

bool wait_for(int fd, short events, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<Millis>(deadline - Clock::now()).count();
    pollfd entry{fd, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::max<long>(left, 0)));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

PortState ask(int fd, const addrinfo& address, Clock::time_point deadline) {
  if (::connect(fd, address.ai_addr, address.ai_addrlen) != 0) {
    if (errno == ECONNREFUSED) return PortState::refused;
    if (errno != EINPROGRESS || !wait_for(fd, POLLOUT, deadline)) return PortState::silent;
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return error == ECONNREFUSED ? PortState::refused : PortState::silent;
  }
  if (::send(fd, ssl_request.data(), ssl_request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(ssl_request.size()))
    return PortState::silent;
  // A frozen postmaster's kernel still accepts connections: only an answer is life.
  if (!wait_for(fd, POLLIN, deadline)) return PortState::silent;
  char answer = 0;
  if (::recv(fd, &answer, 1, 0) != 1) return PortState::silent;
  return answer == 'S' || answer == 'N' || answer == 'E' ? PortState::open : PortState::silent;
}

}  // namespace

PortState probe_postgres(const std::string& host, int port, Millis timeout) {
  const auto deadline = Clock::now() + timeout;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* raw = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &raw) != 0) return PortState::silent;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(raw, ::freeaddrinfo);
  bool refused = false, silent = false;
  for (const addrinfo* entry = addresses.get(); entry != nullptr; entry = entry->ai_next) {
    const Descriptor socket(::socket(entry->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.valid()) continue;
    // The last address may use all the time that is left, an earlier one half of it.
    const auto now = Clock::now();
    const auto until = entry->ai_next == nullptr ? deadline : now + (deadline - now) / 2;
    const PortState state = ask(socket.get(), *entry, until);
    if (state == PortState::open) return state;
    (state == PortState::refused ? refused : silent) = true;
  }
  return refused && !silent ? PortState::refused : PortState::silent;
}

}  // namespace autoctl::keeper
