// The sockets at which a server waits for its clients.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <vector>

#include "common/util/result.h"

namespace autoctl::http {

/// One for each address (ServerOptions::address), all with the same port. Errors: bad_config (no address), unavailable.
Result<std::vector<boost::asio::ip::tcp::acceptor>> listen_at(boost::asio::io_context& io, const std::string& addresses,
                                                              int port);

}  // namespace autoctl::http
