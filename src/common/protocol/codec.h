// Structs to JSON and back from one list of fields per struct: fields(visitor, struct), in protocol.cpp. Private to
// this folder.
#pragma once

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/fsm/goal.h"
#include "common/fsm/types.h"
#include "common/protocol/text_rule.h"
#include "common/util/fingerprint.h"
#include "common/util/ip_address.h"
#include "common/util/scram_verifier.h"

namespace autoctl::protocol::codec {

using nlohmann::json;

/// Leaves from_json only; decode() turns it into an Error.
struct BadField : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Longest duration that survives the conversion to a TimePoint's nanoseconds: some 34 years.
inline constexpr std::int64_t millis_max = std::int64_t{1} << 40;

/// Where a field does not say less.
inline constexpr std::size_t elements_max = 10'000;
/// What is counted from 0 or 1 up comes nowhere near this, and the monitor's Postgres can store it.
inline constexpr std::uint64_t count_max = std::uint64_t{1} << 62;

/// Settings and the like: an object whose keys are not fixed.
using TextPairs = std::vector<std::pair<std::string, std::string>>;

template <class T>
inline constexpr bool is_tagged = false;
template <class Rep, class Tag>
inline constexpr bool is_tagged<Tagged<Rep, Tag>> = true;
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
/// It holds texts of which a field has to say what they may be.
template <class T>
concept Text = std::same_as<T, std::string> || std::same_as<T, std::vector<std::string>>;
/// For lists of fields: a struct, const for a Writer.
template <class V, class T>
concept Of = std::same_as<std::remove_const_t<V>, T>;
template <class T>
concept Number = std::integral<T> && !std::same_as<T, bool>;

class Writer {
 public:
  template <class T>
  void operator()(const char* name, const T& value) {
    if constexpr (is_optional<T>) {
      if (value) object_[name] = to_json(*value);
    } else {
      object_[name] = to_json(value);
    }
  }
  /// A rule is the reader's.
  template <class T, class... Rule>
  void operator()(const char* name, const T& value, const Rule&...) {
    (*this)(name, value);
  }
  template <class T, class... Rule>
  void required(const char* name, const T& value, const Rule&...) {
    (*this)(name, value);
  }
  void counter(const char* name, std::uint64_t value) { (*this)(name, value); }
  json take() { return std::move(object_); }

 private:
  template <class T>
  static json to_json(const T& value) {
    if constexpr (std::same_as<T, Lsn>) {
      return to_string(value);
    } else if constexpr (std::same_as<T, SystemId>) {
      return std::to_string(value.value);  // JSON readers that keep numbers as doubles would lose digits
    } else if constexpr (std::same_as<T, IpAddress> || std::same_as<T, Fingerprint> || std::same_as<T, ScramVerifier>) {
      return value.text();
    } else if constexpr (is_tagged<T>) {
      return value.value;
    } else if constexpr (std::same_as<T, Millis>) {
      return value.count();
    } else if constexpr (std::is_enum_v<T>) {
      return to_string(value);
    } else if constexpr (std::same_as<T, TextPairs>) {
      json object = json::object();
      for (const auto& [name, text] : value) object[name] = text;
      return object;
    } else if constexpr (is_vector<T>) {
      json array = json::array();
      for (const auto& element : value) array.push_back(to_json(element));
      return array;
    } else if constexpr (std::same_as<T, std::string> || std::integral<T>) {
      return value;
    } else {
      Writer writer;
      fields(writer, value);
      return writer.take();
    }
  }

  json object_ = json::object();
};

class Reader {
 public:
  explicit Reader(const json& value, std::string path = "") : object_(value), path_(std::move(path)) {
    if (!value.is_object()) bad(path_, "must be an object");
  }

  /// All of them leave `value` as it is when the field is absent or null.
  template <class T>
  requires(!Text<T>) void operator()(const char* name, T& value) const {
    if (const json* field = find(name)) read(*field, path_of(name), value);
  }
  void operator()(const char* name, std::string& value, const TextRule& rule) const {
    if (const json* field = find(name)) read(*field, path_of(name), value, rule);
  }
  void operator()(const char* name, std::vector<std::string>& value, const TextRule& rule,
                  std::size_t max = elements_max) const {
    if (const json* field = find(name)) read_all(*field, path_of(name), value, max, rule);
  }
  template <class T>
  requires(!Text<std::vector<T>>) void operator()(const char* name, std::vector<T>& value, std::size_t max) const {
    if (const json* field = find(name)) read_all(*field, path_of(name), value, max);
  }
  template <class T, class... Rule>
  void required(const char* name, T& value, const Rule&... rule) const {
    if (!find(name)) bad(path_of(name), "is missing");
    (*this)(name, value, rule...);
  }
  void counter(const char* name, std::uint64_t& value) const {
    (*this)(name, value);
    if (value > count_max) bad(path_of(name), "is out of range");
  }

 private:
  [[noreturn]] static void bad(const std::string& path, const std::string& what) {
    throw BadField((path.empty() ? "the document" : "field \"" + path + "\"") + " " + what);
  }

  const json* find(const char* name) const {
    const auto found = object_.find(name);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  std::string path_of(const char* name) const { return path_.empty() ? name : path_ + "." + name; }

  template <Number T>
  static void read(const json& from, const std::string& path, T& value) {
    if (!from.is_number_integer()) bad(path, "must be a whole number");
    const bool fits = from.is_number_unsigned() ? std::in_range<T>(from.get<std::uint64_t>())
                                                : std::in_range<T>(from.get<std::int64_t>());
    if (!fits) bad(path, "is out of range");
    value = from.get<T>();
  }
  static void read(const json& from, const std::string& path, bool& value) {
    if (!from.is_boolean()) bad(path, "must be true or false");
    value = from.get<bool>();
  }
  static void read(const json& from, const std::string& path, std::string& value) {
    if (!from.is_string()) bad(path, "must be text");
    value = from.get<std::string>();
    if (value.find('\0') != std::string::npos) bad(path, "contains a NUL character");  // Postgres could not store it
  }
  static void read(const json& from, const std::string& path, std::string& value, const TextRule& rule) {
    std::string text;
    read(from, path, text);
    if (rule.why_not == nullptr) {
      value = shortened(printable(text, rule.lines), rule.bytes_max);
      return;
    }
    if (text.size() > rule.bytes_max) bad(path, "is longer than " + std::to_string(rule.bytes_max) + " bytes");
    if (const std::string why = why_not(text, rule); !why.empty()) bad(path, "cannot be this: " + printable(why));
    value = std::move(text);
  }
  template <class Parse>
  static auto parsed(const json& from, const std::string& path, const char* complaint, Parse parse) {
    std::string text;
    read(from, path, text);
    const auto value = parse(text);
    if (!value) bad(path, complaint);
    return *value;
  }

  static void read(const json& from, const std::string& path, NodeState& value) {
    value = parsed(from, path, "is no known state", parse_node_state);
  }
  static void read(const json& from, const std::string& path, PortState& value) {
    value = parsed(from, path, "is none of unknown, open, refused, silent", parse_port_state);
  }
  static void read(const json& from, const std::string& path, Lsn& value) {
    value = parsed(from, path, "is no LSN", parse_lsn);
  }
  static void read(const json& from, const std::string& path, IpAddress& value) {
    value = parsed(from, path, "is not the IP address of a machine", IpAddress::parse);
  }
  static void read(const json& from, const std::string& path, Fingerprint& value) {
    value = parsed(from, path, "is not the SHA-256 of a certificate", Fingerprint::parse);
  }
  static void read(const json& from, const std::string& path, ScramVerifier& value) {
    value = parsed(from, path, "is not a SCRAM verifier", [](const std::string& text) {
      return text.empty() ? std::optional(ScramVerifier{}) : ScramVerifier::parse(text);
    });
  }
  static void read(const json& from, const std::string& path, SystemId& value) {
    value = parsed(from, path, "is not a system identifier", [](const std::string& text) -> std::optional<SystemId> {
      SystemId id;
      const char* end = text.data() + text.size();
      const auto [stop, error] = std::from_chars(text.data(), end, id.value);
      if (error != std::errc{} || stop != end) return std::nullopt;
      return id;
    });
  }
  template <class Rep, class Tag>
  static void read(const json& from, const std::string& path, Tagged<Rep, Tag>& value) {
    read(from, path, value.value);
  }
  static void read(const json& from, const std::string& path, Millis& value) {
    std::int64_t count = 0;
    read(from, path, count);
    if (count < 0 || count > millis_max) bad(path, "is out of range");
    value = Millis{count};
  }
  template <class T>
  static void read(const json& from, const std::string& path, std::optional<T>& value) {
    T inner{};
    read(from, path, inner);
    value = std::move(inner);
  }
  static void read(const json& from, const std::string& path, TextPairs& value) {
    if (!from.is_object()) bad(path, "must be an object");
    check_count(path, from.size(), elements_max);
    value.clear();
    for (const auto& [name, element] : from.items()) {
      if (!config::check_name(name).empty()) bad(path, "has a name that none can have");
      if (element.is_structured() || element.is_null()) bad(path + "." + name, "must be text, a number, true or false");
      std::string text;
      if (element.is_string())
        read(element, path + "." + name, text, rules::value);
      else
        text = element.dump();
      value.emplace_back(name, std::move(text));
    }
  }
  template <class T>
  static void read(const json& from, const std::string& path, std::vector<T>& value) {
    read_all(from, path, value, elements_max);
  }
  template <class T, class... Rule>
  static void read_all(const json& from, const std::string& path, std::vector<T>& value, std::size_t max,
                       const Rule&... rule) {
    if (!from.is_array()) bad(path, "must be an array");
    check_count(path, from.size(), max);
    value.clear();
    value.reserve(from.size());
    for (const json& element : from) {
      const std::string element_path = path + "[" + std::to_string(value.size()) + "]";
      read(element, element_path, value.emplace_back(), rule...);
    }
  }
  static void check_count(const std::string& path, std::size_t count, std::size_t max) {
    if (count > max) bad(path, "has more than " + std::to_string(max) + " elements");
  }
  template <class T>
  requires std::is_class_v<T>
  static void read(const json& from, const std::string& path, T& value) {
    fields(Reader(from, path), value);
    if constexpr (std::same_as<T, SyncQuorum>) normalise(path, value);
  }
  static void normalise(const std::string& path, SyncQuorum& value) {
    std::ranges::sort(value.voters);
    value.voters.erase(std::ranges::unique(value.voters).begin(), value.voters.end());
    if (value.acks < 0 || std::cmp_greater(value.acks, value.voters.size()))
      bad(path, "asks for more acknowledgements than it has voters");
  }

  template <class T>
  friend void read_document(const json& from, T& value);

  const json& object_;
  std::string path_;
};

template <class T>
json write_document(const T& value) {
  Writer writer;
  fields(writer, value);
  return writer.take();
}

/// Throws BadField.
template <class T>
void read_document(const json& from, T& value) {
  T fresh{};
  Reader::read(from, "", fresh);
  value = std::move(fresh);
}

}  // namespace autoctl::protocol::codec
