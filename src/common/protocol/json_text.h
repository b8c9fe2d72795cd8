// encode() and decode() for the files that list the fields of documents and instantiate both. Private to this folder.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "common/protocol/codec.h"
#include "common/protocol/protocol.h"

namespace autoctl::protocol {

namespace detail {

inline constexpr int depth_max = 32;

/// Counts brackets outside of strings, so that hostile nesting is refused before anything is built from it.
inline bool too_deep(const std::string& text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > depth_max) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

/// A peer of another version may use words that we do not know: say that it is another version, not that a field is
/// wrong.
template <class T>
Result<> check_version(const nlohmann::json& document) {
  if constexpr (std::same_as<T, RegisterRequest> || std::same_as<T, Report>) {
    const auto found = document.is_object() ? document.find("protocol") : document.end();
    if (found != document.end() && found->is_number_integer() && *found != version)
      return fail(Errc::incompatible,
                  "the other side speaks protocol version " + found->dump() + ", this one " + std::to_string(version),
                  "install the same version of autoctl on the monitor and on all nodes");
  }
  return {};
}

}  // namespace detail

template <class T>
std::string encode(const T& value) {
  // Messages of Postgres in another encoding may end up in here: they are shown with replacement characters.
  return codec::write_document(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

template <class T>
Result<T> decode(const std::string& text) {
  if (detail::too_deep(text)) return fail(Errc::bad_usage, "the JSON document is nested too deeply");
  const nlohmann::json document = nlohmann::json::parse(text, nullptr, false);
  if (document.is_discarded()) return fail(Errc::bad_usage, "this is not a JSON document");
  AUTOCTL_TRY(detail::check_version<T>(document));
  try {
    T value;
    codec::read_document(document, value);
    return value;
  } catch (const std::exception& error) {
    return fail(Errc::bad_usage, error.what());
  }
}

}  // namespace autoctl::protocol

/// What nlohmann::json looks for, of a document whose fields are listed; in the namespace of T.
#define AUTOCTL_JSON_VALUE(T)                     \
  void to_json(nlohmann::json& j, const T& v) {   \
    j = protocol::codec::write_document(v);       \
  }                                               \
  void from_json(const nlohmann::json& j, T& v) { \
    protocol::codec::read_document(j, v);         \
  }

/// In autoctl::protocol.
#define AUTOCTL_JSON_TEXT(T)                      \
  template std::string encode<T>(const T& value); \
  template Result<T> decode<T>(const std::string& text);
