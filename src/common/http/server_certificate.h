// What a server shows to its clients, and how it lets them in.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <string>

#include "common/util/result.h"

namespace autoctl::http {

/// Sets the context up: certificate, key, and what both sides may use. Errors: bad_config.
Result<> use_certificate(boost::asio::ssl::context& tls, const std::string& certificate_file,
                         const std::string& key_file);

}  // namespace autoctl::http
