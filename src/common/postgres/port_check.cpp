#include "common/postgres/port_check.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <sstream>

#include "common/util/descriptor.h"
#include "common/util/resolve.h"

namespace autoctl::postgres {
namespace {

bool taken(const SocketAddress& address) {
  const Descriptor socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return false;
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.family() == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  return ::bind(socket.get(), address.data(), address.length) != 0 && errno == EADDRINUSE;
}

}  // namespace

Result<> check_port_free(const std::string& listen, int port, const std::string& option) {
  std::istringstream list(listen);
  std::string host;
  while (std::getline(list, host, ',')) {
    std::erase(host, ' ');
    const auto found = resolve(host == "*" ? "" : host, {.port = port, .to_listen = true});
    for (const SocketAddress& address : found.value_or(std::vector<SocketAddress>{}))
      if (taken(address))
        return fail(Errc::conflict, "port " + std::to_string(port) + " is in use by another program",
                    "Stop that program (`ss -ltnp` shows it), or choose another port with " + option);
  }
  return {};
}

}  // namespace autoctl::postgres
