// Quoting of names and values for places that take no parameters (DDL, conninfo strings).
#include <string>

#include "common/pg/connection.h"

namespace autoctl::pg {
namespace {

/// `text` with each character of `special` preceded by `escape`, or doubled when `escape` is 0.
std::string escaped(std::string_view text, std::string_view special, char escape) {
  std::string out;
  out.reserve(text.size() + 2);
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) out += escape != 0 ? escape : c;
    out += c;
  }
  return out;
}

}  // namespace

std::string quote_identifier(std::string_view name) {
  return "\"" + escaped(name, "\"", 0) + "\"";
}

std::string quote_literal(std::string_view text) {
  const bool backslash = text.find('\\') != std::string_view::npos;
  return (backslash ? "E'" : "'") + escaped(text, "'\\", 0) + "'";
}

std::string quote_conninfo(std::string_view value) {
  return "'" + escaped(value, "'\\", '\\') + "'";
}

}  // namespace autoctl::pg
