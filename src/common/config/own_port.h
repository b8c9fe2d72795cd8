// The port of a daemon itself: where it listens, and what it shows to its clients.
#pragma once

#include <string>
#include <vector>

#include "common/config/config.h"
#include "common/config/files.h"
#include "common/util/resolve.h"

namespace autoctl::config {

/// An operator gave Postgres a certificate: then it is the daemon's, too, also while Postgres serves no TLS.
bool has_given_certificate(const Config& config);
/// The given ones, else those that autoctl has made.
std::string api_certificate_file(const Config& config, const Files& files);
std::string api_key_file(const Config& config, const Files& files);
/// What a client on this machine trusts: the given authority, else the certificate itself.
std::string api_trusted_file(const Config& config, const Files& files);

/// Whose certificates the daemon's own port accepts from its clients, also while Postgres serves no TLS: nodes' credentials
/// count with them only. Empty: it asks for none.
std::string client_ca_file(const Config& config);

/// Where Postgres listens: IP addresses with commas between them, "::" or "0.0.0.0" for all. Blocks for as long as a
/// name's lookup does. A name that has no address now is left out; where nothing is left, only this machine gets in.
std::string api_addresses(const Config& config);
/// Where this machine's own programs reach the Postgres of `config` over TCP, at `port`. Blocks as api_addresses().
std::vector<SocketAddress> postgres_addresses(const Config& config, int port);

}  // namespace autoctl::config
