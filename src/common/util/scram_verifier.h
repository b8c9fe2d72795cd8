// What a server keeps of a password: SCRAM-SHA-256 (RFC 5803), as a value that can hold nothing else. Who has it can check
// the password, and can neither log in with it nor find the password out, if that is random.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace autoctl {

class ScramVerifier {
 public:
  static constexpr int iterations = 4096;  // as PostgreSQL's own
  static constexpr std::size_t salt_bytes = 16;

  /// Of no password.
  ScramVerifier() = default;
  /// As autoctl makes it: "SCRAM-SHA-256$4096:<salt>$<stored key>:<server key>", in base64; nullopt for all else.
  static std::optional<ScramVerifier> parse(std::string_view text) {
    static constexpr std::array<Part, 3> parts = {{{"SCRAM-SHA-256$4096:", 22, "=="}, {"$", 43, "="}, {":", 43, "="}}};
    std::string_view rest = text;
    for (const Part& part : parts)
      if (!take(rest, part)) return std::nullopt;
    if (!rest.empty()) return std::nullopt;
    ScramVerifier value;
    value.text_ = text;
    return value;
  }

  bool is_none() const { return text_.empty(); }
  /// What goes between the quotes of ALTER ROLE … PASSWORD; empty if it is none.
  const std::string& text() const { return text_; }

  friend bool operator==(const ScramVerifier&, const ScramVerifier&) = default;

 private:
  struct Part {
    std::string_view begins;
    std::size_t digits;
    std::string_view ends;
  };
  static bool take(std::string_view& rest, const Part& part) {
    if (!rest.starts_with(part.begins)) return false;
    rest.remove_prefix(part.begins.size());
    const std::string_view digits = rest.substr(0, part.digits);
    if (digits.size() != part.digits || !std::ranges::all_of(digits, is_base64)) return false;
    rest.remove_prefix(part.digits);
    if (!rest.starts_with(part.ends)) return false;
    rest.remove_prefix(part.ends.size());
    return true;
  }
  static bool is_base64(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  }

  std::string text_;
};

}  // namespace autoctl
