#include "cli/local_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "common/util/descriptor.h"

namespace autoctl::cli {

namespace {

using Resolved = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Resolved resolve(const std::string& host, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = flags;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), "9", &hints, &found) != 0) found = nullptr;
  return {found, &freeaddrinfo};
}

std::string numeric(const sockaddr* address, socklen_t length) {
  std::array<char, NI_MAXHOST> text{};
  if (::getnameinfo(address, length, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) return {};
  return text.data();
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1";
}

/// Addresses of this machine that others could route to: no loopback, no link-local.
std::vector<std::string> own_addresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
  std::vector<std::string> addresses;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || (entry->ifa_flags & IFF_UP) == 0 || (entry->ifa_flags & IFF_LOOPBACK) != 0)
      continue;
    const int family = entry->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    const std::string address =
        numeric(entry->ifa_addr, family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    if (!address.empty() && !address.starts_with("fe80:")) addresses.push_back(address);
  }
  std::ranges::stable_partition(addresses, [](const std::string& a) { return a.find(':') == std::string::npos; });
  return addresses;
}

/// Our fully qualified name, if the other machines' resolvers could know it: it must lead back to an address of ours.
std::optional<std::string> own_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return std::nullopt;
  const Resolved found = resolve(name.data(), AI_CANONNAME);
  if (!found) return std::nullopt;
  const std::vector<std::string> own = own_addresses();
  for (const addrinfo* entry = found.get(); entry != nullptr; entry = entry->ai_next)
    if (std::ranges::find(own, numeric(entry->ai_addr, entry->ai_addrlen)) != own.end())
      return found->ai_canonname != nullptr ? found->ai_canonname : name.data();
  return std::nullopt;
}

/// connect() on a datagram socket only asks the routing table.
std::optional<std::string> source_address_to(const std::string& peer) {
  const Resolved found = resolve(peer, AI_ADDRCONFIG);
  for (const addrinfo* entry = found.get(); entry != nullptr; entry = entry->ai_next) {
    const Descriptor socket(::socket(entry->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket.valid()) continue;
    sockaddr_storage local{};
    socklen_t length = sizeof local;
    const bool routed = ::connect(socket.get(), entry->ai_addr, entry->ai_addrlen) == 0 &&
                        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&local), &length) == 0;
    if (routed) return numeric(reinterpret_cast<const sockaddr*>(&local), length);
  }
  return std::nullopt;
}

}  // namespace

Result<std::string> default_hostname(const std::string& peer_host) {
  if (const auto name = own_name()) return *name;
  if (peer_host.empty()) {
    const auto addresses = own_addresses();
    return addresses.empty() ? "127.0.0.1" : addresses.front();
  }
  // A socket directory: the monitor's Postgres is on this machine.
  if (peer_host.starts_with('/')) return "127.0.0.1";
  const auto address = source_address_to(peer_host);
  if (!address)
    return fail(Errc::bad_usage, fmt::format("cannot tell which of this machine's addresses leads to {}", peer_host),
                "say with --hostname how the other nodes reach this machine");
  return is_loopback(*address) ? "127.0.0.1" : *address;
}

}  // namespace autoctl::cli
