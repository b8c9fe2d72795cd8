// The address of one machine, as text that can be nothing else: no name, no netmask, no keyword, no zone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace autoctl {

class IpAddress {
 public:
  /// No machine's.
  IpAddress() = default;
  /// In the usual spelling, whichever way it was written. nullopt for all that is no IPv4 or IPv6 address under which
  /// one machine is known to others: loopback, unspecified, multicast and broadcast addresses, IPv4 within IPv6.
  static std::optional<IpAddress> parse(const std::string& text);

  bool is_none() const { return text_.empty(); }
  /// "10.0.0.2", "fd00::2".
  const std::string& text() const { return text_; }
  /// "10.0.0.2/32", "fd00::2/128".
  std::string as_mask() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  std::string text_;
};

/// The first of them in a text in any language: between characters that no address has.
std::optional<IpAddress> first_address_in(std::string_view text);

}  // namespace autoctl
