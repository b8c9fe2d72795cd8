// Errors on the wire: HTTP status and {"error": {...}}.
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/protocol/protocol.h"

namespace autoctl::protocol {

namespace {

struct Row {
  Errc code;
  std::string_view name;
  int status;
};
constexpr std::array<Row, 12> table = {{
    {Errc::bad_usage, "bad_usage", 400},
    {Errc::bad_config, "bad_config", 500},
    {Errc::conflict, "conflict", 409},
    {Errc::unavailable, "unavailable", 503},
    {Errc::twin, "twin", 409},
    {Errc::timeout, "timeout", 504},
    {Errc::denied, "denied", 401},
    {Errc::not_found, "not_found", 404},
    {Errc::incompatible, "incompatible", 426},
    {Errc::system, "system", 500},
    {Errc::postgres, "postgres", 502},
    {Errc::internal, "internal", 500},
}};

const Row& row(Errc code) {
  for (const Row& candidate : table)
    if (candidate.code == code) return candidate;
  return table.back();
}

Errc from_status(int status) {
  switch (status) {
    case 401:
    case 403: return Errc::denied;
    case 404: return Errc::not_found;
    case 408:
    case 504: return Errc::timeout;
    case 409: return Errc::conflict;
    case 426: return Errc::incompatible;
    case 429:
    case 502:
    case 503: return Errc::unavailable;
    default: return status >= 400 && status < 500 ? Errc::bad_usage : Errc::internal;
  }
}

}  // namespace

std::string_view to_string(Errc code) {
  return row(code).name;
}

int http_status(Errc code) {
  return row(code).status;
}

std::string encode_error(const Error& error) {
  return R"({"error":)" + encode(ErrorDocument{std::string(to_string(error.code)), error.message, error.hint}) + "}";
}

Error decode_error(int status, const std::string& body) {
  Error error{from_status(status), "the server answered with HTTP status " + std::to_string(status), ""};
  const auto document = nlohmann::json::parse(body, nullptr, false);
  const auto found = document.is_object() ? document.find("error") : document.end();
  if (found == document.end()) return error;
  const auto detail = decode<ErrorDocument>(found->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  if (!detail || detail->message.empty()) return error;
  for (const Row& candidate : table)
    if (candidate.name == detail->code) error.code = candidate.code;
  error.message = detail->message;
  error.hint = detail->hint;
  return error;
}

}  // namespace autoctl::protocol
