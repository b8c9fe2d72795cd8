#include "common/util/route.h"

#include <algorithm>

#include "common/util/descriptor.h"

namespace autoctl {

/// connect() on a datagram socket sends nothing.
std::optional<SocketAddress> source_address_to(const SocketAddress& there) {
  const Descriptor socket(::socket(there.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return std::nullopt;
  SocketAddress local;
  local.length = sizeof local.storage;
  const bool routed = ::connect(socket.get(), there.data(), there.length) == 0 &&
                      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&local.storage), &local.length) == 0;
  return routed ? std::optional(local) : std::nullopt;
}

/// The kernel sends from the very address to which it sends, then.
bool is_this_machine(const std::string& host) {
  constexpr int any_port = 9;
  const auto found = resolve(host, {.port = any_port}).value_or(std::vector<SocketAddress>{});
  return !found.empty() && std::ranges::all_of(found, [](const SocketAddress& address) {
    const auto source = source_address_to(address);
    return address.is_loopback() || (source && source->text() == address.text());
  });
}

}  // namespace autoctl
