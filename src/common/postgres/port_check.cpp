#include "common/postgres/port_check.h"

#include <netdb.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <sstream>

#include "common/util/descriptor.h"

namespace autoctl::postgres {
namespace {

bool taken(const addrinfo& address) {
  const Descriptor socket(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return false;
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.ai_family == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  return ::bind(socket.get(), address.ai_addr, address.ai_addrlen) != 0 && errno == EADDRINUSE;
}

}  // namespace

Result<> check_port_free(const std::string& listen, int port, const std::string& option) {
  std::istringstream list(listen);
  std::string host;
  while (std::getline(list, host, ',')) {
    std::erase(host, ' ');
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* raw = nullptr;
    if (::getaddrinfo(host == "*" ? nullptr : host.c_str(), std::to_string(port).c_str(), &hints, &raw) != 0) continue;
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> found(raw, ::freeaddrinfo);
    for (const addrinfo* entry = found.get(); entry != nullptr; entry = entry->ai_next)
      if (taken(*entry))
        return fail(Errc::conflict, "port " + std::to_string(port) + " is in use by another program",
                    "Stop that program (`ss -ltnp` shows it), or choose another port with " + option);
  }
  return {};
}

}  // namespace autoctl::postgres
