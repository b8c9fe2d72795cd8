// What a text that crosses the wire may hold. One that is used for what it is (a host in pg_hba.conf, a name in SQL, a
// password in a file) is refused where it cannot be that. One that is only shown is made fit to be shown. Both ends
// read by these rules: neither a keeper nor the monitor trusts the other one's texts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include "common/config/checks.h"
#include "common/util/printable.h"

namespace autoctl::protocol {

struct TextRule {
  std::size_t bytes_max;
  std::string (*why_not)(const std::string& text) = nullptr;  // "" for one that is valid; nullptr: it is only shown
  bool lines = false;                                         // of a text that is shown: line breaks stay
};

/// "" where it may be this.
inline std::string why_not(const std::string& text, const TextRule& rule) {
  if (text.size() > rule.bytes_max) return "it is longer than " + std::to_string(rule.bytes_max) + " bytes";
  return rule.why_not == nullptr ? "" : rule.why_not(text);
}

namespace rules {

inline std::string check_printable(const std::string& text) {
  return is_printable(text) ? "" : "it has control characters";
}

inline std::string check_pem(const std::string& text) {
  const auto fit = [](char c) { return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t'; };
  return std::ranges::all_of(text, fit) ? "" : "it is not in PEM format";
}

inline constexpr TextRule name{63, config::check_name};            // of a formation, region, setting, …
inline constexpr TextRule node_name{63, config::check_node_name};  // may have spaces
inline constexpr TextRule host{253, config::check_hostname};       // a name or an address
inline constexpr TextRule database{63, check_printable};           // Postgres' identifiers are longer nowhere
inline constexpr TextRule secret{1'000, check_printable};          // a token or a password
inline constexpr TextRule csr{16'384, check_pem};                  // one request for a certificate
inline constexpr TextRule pem{1'000'000, check_pem};      // a system's whole store of authorities is a fifth of that
inline constexpr TextRule place{5'000, check_printable};  // a machine, and a path of 4,096 bytes
inline constexpr TextRule value{4'000, check_printable};  // of a setting
inline constexpr TextRule reason{500, check_printable};   // an operator's, for the event log
inline constexpr TextRule word{100};                      // shown
inline constexpr TextRule sentence{2'000};                // shown
inline constexpr TextRule prose{8'000, nullptr, true};    // shown

}  // namespace rules

}  // namespace autoctl::protocol
