// A node's own key, and the certificate that the monitor's authority has issued for it.
#pragma once

#include <string>

#include "common/config/config.h"
#include "common/config/files.h"
#include "common/protocol/protocol.h"
#include "common/tls/authority.h"

namespace autoctl::keeper {

/// A node that is to have a certificate of the monitor's authority asks for it in `request`. Returns what belongs to it;
/// empty for another node. Errors: bad_usage (the host's name), internal.
Result<tls::SigningRequest> ask_for_certificate(const config::Config& config, protocol::RegisterRequest& request);
/// What the monitor has answered becomes the node's: server.crt, server.key and ca.crt. `others`, PEM, are believed beside
/// the monitor's authority. Errors: incompatible (no certificate, or none that its key and the authority go with), system.
Result<> take_certificate(const config::Config& config, const config::Files& files, const tls::SigningRequest& asked,
                          const protocol::RegisterAnswer& answer, const std::string& others);

}  // namespace autoctl::keeper
