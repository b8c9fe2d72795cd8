#include "common/util/resolve.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace autoctl {

namespace {

using Found = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Result<Found> ask(const std::string& host, int flags, int port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;  // otherwise each address comes once for each kind of socket
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const char* name = host.empty() ? nullptr : host.c_str();
  const int failed = ::getaddrinfo(name, std::to_string(port).c_str(), &hints, &list);
  if (failed == 0) return Found(list, &::freeaddrinfo);
  return fail(Errc::unavailable,
              failed == EAI_SYSTEM ? std::generic_category().message(errno) : std::string(::gai_strerror(failed)));
}

bool same(const SocketAddress& a, const SocketAddress& b) {
  return a.length == b.length && std::memcmp(&a.storage, &b.storage, a.length) == 0;
}

}  // namespace

void SocketAddress::set_port(int port) {
  const auto number = htons(static_cast<std::uint16_t>(port));
  if (family() == AF_INET6)
    reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port = number;
  else
    reinterpret_cast<sockaddr_in*>(&storage)->sin_port = number;
}

bool SocketAddress::is_loopback() const {
  if (family() == AF_INET6) return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr);
  return (ntohl(reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
}

std::string SocketAddress::text() const {
  std::array<char, NI_MAXHOST> text{};
  if (::getnameinfo(data(), length, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) return {};
  return text.data();
}

std::optional<SocketAddress> socket_at(const std::string& path) {
  SocketAddress address;
  auto& local = reinterpret_cast<sockaddr_un&>(address.storage);
  if (path.size() >= sizeof local.sun_path) return std::nullopt;
  local.sun_family = AF_UNIX;
  path.copy(local.sun_path, path.size());
  address.length = sizeof local;
  return address;
}

Result<std::vector<SocketAddress>> resolve(const std::string& host, const ResolveOptions& options) {
  const int flags = (options.numeric_only ? AI_NUMERICHOST : 0) | (options.to_listen ? AI_PASSIVE : 0);
  if (host.empty() && !options.to_listen) return fail(Errc::unavailable, "no host name was given");
  const auto found = ask(host, flags, options.port);
  if (!found) return fail(found.error());
  std::vector<SocketAddress> addresses;
  for (const addrinfo* entry = found->get(); entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
    SocketAddress address;
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    address.length = entry->ai_addrlen;
    if (std::ranges::none_of(addresses, [&](const SocketAddress& other) { return same(address, other); }))
      addresses.push_back(address);
  }
  if (addresses.empty()) return fail(Errc::unavailable, "the name has no address");
  return addresses;
}

std::string canonical_name(const std::string& host) {
  const auto found = ask(host, AI_CANONNAME, 0);
  return found && (*found)->ai_canonname != nullptr ? (*found)->ai_canonname : host;
}

}  // namespace autoctl
