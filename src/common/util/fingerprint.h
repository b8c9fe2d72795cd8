// Which certificate it is: the SHA-256 of its DER form, as a value that can hold nothing else.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace autoctl {

class Fingerprint {
 public:
  /// Of no certificate.
  Fingerprint() = default;
  explicit Fingerprint(const std::array<unsigned char, 32>& sha256) : sha256_(sha256) {}
  /// 64 lower-case hex digits; nullopt for all else.
  static std::optional<Fingerprint> parse(std::string_view text) {
    if (text.size() != 2 * std::size_t{32}) return std::nullopt;
    Fingerprint value;
    for (std::size_t i = 0; i < value.sha256_.size(); ++i) {
      const auto high = digits.find(text[2 * i]), low = digits.find(text[2 * i + 1]);
      if (high == digits.npos || low == digits.npos) return std::nullopt;
      value.sha256_[i] = static_cast<unsigned char>(high << 4U | low);
    }
    return value;
  }
  std::string text() const {
    std::string text;
    for (const unsigned char byte : sha256_) text += {digits[byte >> 4U], digits[byte & 15U]};
    return text;
  }

  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;

 private:
  static constexpr std::string_view digits = "0123456789abcdef";
  std::array<unsigned char, 32> sha256_{};
};

}  // namespace autoctl
