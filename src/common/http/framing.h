// Requests that two readers may understand in two ways.
#pragma once

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <string>

namespace autoctl::http {

/// Where a proxy and this server disagree on where a request ends, the rest of it is taken for another client's
/// request; where they disagree on Host, it passes for another server's (RFC 9112, 3.2 and 6.3). Says what is wrong;
/// empty if nothing is.
std::string ambiguity(const boost::beast::http::request<boost::beast::http::string_body>& request);

}  // namespace autoctl::http
