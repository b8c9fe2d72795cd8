#include "cli/local_address.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/util/resolve.h"
#include "common/util/route.h"

namespace autoctl::cli {

namespace {

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1";
}

struct Interface {
  std::string address;
  bool loopback = false;
  std::string network;  // empty: it has no mask
};

SocketAddress copy_of(const sockaddr& address) {
  SocketAddress copy;
  copy.length = address.sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  std::memcpy(&copy.storage, &address, copy.length);
  return copy;
}

std::span<std::uint8_t> bytes_of(SocketAddress& address) {
  if (address.family() == AF_INET)
    return {reinterpret_cast<std::uint8_t*>(&reinterpret_cast<sockaddr_in&>(address.storage).sin_addr), 4};
  return {reinterpret_cast<std::uint8_t*>(&reinterpret_cast<sockaddr_in6&>(address.storage).sin6_addr), 16};
}

std::string network_text(SocketAddress address, SocketAddress mask) {
  int bits = 0;
  const auto of_address = bytes_of(address);
  const auto of_mask = bytes_of(mask);
  for (std::size_t i = 0; i < of_address.size(); ++i) {
    of_address[i] &= of_mask[i];
    bits += std::popcount(of_mask[i]);
  }
  return fmt::format("{}/{}", address.text(), bits);
}

std::vector<Interface> own_interfaces() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
  std::vector<Interface> found;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || (entry->ifa_flags & IFF_UP) == 0) continue;
    const int family = entry->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    const SocketAddress address = copy_of(*entry->ifa_addr);
    found.push_back({address.text(), (entry->ifa_flags & IFF_LOOPBACK) != 0, ""});
    // The kernel leaves the mask's family out at times.
    if (entry->ifa_netmask == nullptr) continue;
    SocketAddress mask = address;
    std::memcpy(&mask.storage, entry->ifa_netmask, address.length);
    mask.storage.ss_family = address.storage.ss_family;
    found.back().network = network_text(address, mask);
  }
  return found;
}

/// Addresses of this machine that others could route to: no loopback, no link-local.
std::vector<std::string> own_addresses() {
  std::vector<std::string> addresses;
  for (const Interface& own : own_interfaces())
    if (!own.loopback && !own.address.empty() && !own.address.starts_with("fe80:")) addresses.push_back(own.address);
  std::ranges::stable_partition(addresses, [](const std::string& a) { return a.find(':') == std::string::npos; });
  return addresses;
}

/// Our fully qualified name, if the other machines' resolvers could know it: it must lead back to an address of ours.
std::optional<std::string> own_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return std::nullopt;
  const auto found = resolve(name.data());
  if (!found) return std::nullopt;
  const std::vector<std::string> own = own_addresses();
  const bool ours = std::ranges::any_of(
      *found, [&own](const SocketAddress& address) { return std::ranges::find(own, address.text()) != own.end(); });
  return ours ? std::optional(canonical_name(name.data())) : std::nullopt;
}

std::optional<std::string> own_address_towards(const std::string& host) {
  constexpr int any_port = 9;
  for (const SocketAddress& address : resolve(host, {.port = any_port}).value_or(std::vector<SocketAddress>{}))
    if (const auto source = source_address_to(address)) return source->text();
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
  const auto address = own_address_towards(peer_host);
  if (!address)
    return fail(Errc::bad_usage, fmt::format("cannot tell which of this machine's addresses leads to {}", peer_host),
                "say with --hostname how the other nodes reach this machine");
  return is_loopback(*address) ? "127.0.0.1" : *address;
}

std::optional<std::string> network_of(const std::string& address) {
  for (const Interface& own : own_interfaces())
    if (own.address == address && !own.network.empty()) return own.network;
  return std::nullopt;
}

Result<std::vector<SocketAddress>> resolve_hostname(const std::string& hostname) {
  auto found = resolve(hostname);
  if (found) return found;
  return fail(
      Errc::conflict, fmt::format("the host name \"{}\" does not resolve: {}", hostname, found.error().message),
      "it must resolve here and on all other nodes; without --hostname `create` takes an address of this machine");
}

}  // namespace autoctl::cli
