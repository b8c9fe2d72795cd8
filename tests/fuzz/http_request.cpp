// A request's header as a stranger sends it.
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "common/http/framing.h"
#include "common/http/url.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace autoctl;
  const std::string text = fuzz::text_of(data, size);
  if (const auto target = http::parse_target(text)) {
    fuzz::require(target->path.starts_with('/'));
    const auto again = http::parse_target(http::format_target(target->path, target->query));
    fuzz::require(again && again->path == target->path && again->query == target->query);
  }
  boost::beast::http::request_parser<boost::beast::http::string_body> parser;
  parser.header_limit(16 * 1024);
  parser.body_limit(1024 * 1024);
  parser.eager(true);
  boost::system::error_code error;
  parser.put(boost::asio::buffer(text), error);
  if (!error && parser.is_header_done()) static_cast<void>(http::ambiguity(parser.get()));
  return 0;
}
