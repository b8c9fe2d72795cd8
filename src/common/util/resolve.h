// Host names to addresses: the one place that asks the system's resolver.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>
#include <vector>

#include "common/util/result.h"

namespace autoctl {

/// An IPv4 or IPv6 address with a port, as sockets take it; or a Unix-domain socket's, which has neither port nor text.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  int family() const { return storage.ss_family; }
  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage); }
  void set_port(int port);
  bool is_loopback() const;
  /// "10.0.0.2", "fd00::2", "fe80::1%eth0"; without the port.
  std::string text() const;
};

/// Of a Unix-domain socket; nullopt when the path is too long for one.
std::optional<SocketAddress> socket_at(const std::string& path);

struct ResolveOptions {
  int port = 0;               // of all addresses that are found
  bool numeric_only = false;  // never asks a name server, so never blocks
  bool to_listen = false;     // an empty host means every address of this machine
};

/// The addresses of a host, best first, each once. Blocks for as long as the system's resolver does, which may be many
/// seconds. Errors: unavailable, in the resolver's words ("Name or service not known").
Result<std::vector<SocketAddress>> resolve(const std::string& host, const ResolveOptions& options = {});

/// The name that the resolver knows `host` by, as a rule the fully qualified one; `host` itself when it knows none.
/// Blocks in the same way.
std::string canonical_name(const std::string& host);

}  // namespace autoctl
