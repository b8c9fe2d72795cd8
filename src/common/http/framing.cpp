#include "common/http/framing.h"

#include <boost/beast/core/string.hpp>

namespace autoctl::http {

namespace beast = boost::beast;
using beast::http::field;

std::string ambiguity(const beast::http::request<beast::http::string_body>& request) {
  constexpr unsigned http_1_0 = 10;
  const auto hosts = request.count(field::host);
  const auto encodings = request.count(field::transfer_encoding);
  const auto lengths = request.count(field::content_length);
  if (hosts > 1) return "it has more than one Host header";
  // HAProxy's plain health check, say, is HTTP/1.0, which knows no Host.
  if (hosts == 0 && request.version() > http_1_0) return "it has no Host header";
  const bool list = lengths == 1 && request[field::content_length].find(',') != beast::string_view::npos;
  if (lengths > 1 || list) return "it has more than one Content-Length";
  if (encodings > 0 && lengths > 0) return "it has a Content-Length and a Transfer-Encoding";
  if (encodings == 0) return {};
  if (encodings > 1 || !beast::iequals(request[field::transfer_encoding], "chunked"))
    return "of all transfer encodings only chunked is known here";
  return request.version() > http_1_0 ? "" : "HTTP/1.0 has no Transfer-Encoding";
}

}  // namespace autoctl::http
