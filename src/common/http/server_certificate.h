// What a server shows to its clients, and how it lets them in.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <string>

#include "common/util/result.h"

namespace autoctl::http {

struct ServerOptions;

/// Sets the context up: certificate, key, what both sides may use, and whose certificates are taken (of the options these
/// only). Errors: bad_config.
Result<> use_certificate(boost::asio::ssl::context& tls, const std::string& certificate_file,
                         const std::string& key_file, const ServerOptions& options);

}  // namespace autoctl::http
