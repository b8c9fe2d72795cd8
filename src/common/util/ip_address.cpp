#include "common/util/ip_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

namespace autoctl {

namespace {

constexpr std::string_view letters = "0123456789abcdefABCDEF.:";

bool is_a_machines(const in_addr& address) {
  const std::uint32_t first = ntohl(address.s_addr) >> 24;
  return first != 0 && first != IN_LOOPBACKNET && first < 224;
}

/// ::, ::1 and the two ways to write IPv4 within IPv6 begin with 80 zero bits.
bool is_a_machines(const in6_addr& address) {
  return !IN6_IS_ADDR_MULTICAST(&address) &&
         std::any_of(&address.s6_addr[0], &address.s6_addr[10], [](unsigned char byte) { return byte != 0; });
}

template <class Address>
std::string spelled(int family, const std::string& text) {
  Address address{};
  std::array<char, INET6_ADDRSTRLEN> spelling{};
  if (::inet_pton(family, text.c_str(), &address) != 1 || !is_a_machines(address)) return {};
  return ::inet_ntop(family, &address, spelling.data(), spelling.size()) != nullptr ? spelling.data() : "";
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(const std::string& text) {
  if (text.find('\0') != std::string::npos) return std::nullopt;
  IpAddress address;
  address.text_ = spelled<in_addr>(AF_INET, text);
  if (address.is_none()) address.text_ = spelled<in6_addr>(AF_INET6, text);
  return address.is_none() ? std::nullopt : std::optional(std::move(address));
}

std::string IpAddress::as_mask() const {
  return text_ + (text_.find(':') == std::string::npos ? "/32" : "/128");
}

std::optional<IpAddress> first_address_in(std::string_view text) {
  for (auto begin = text.find_first_of(letters); begin != std::string_view::npos;) {
    const auto end = std::min(text.find_first_not_of(letters, begin), text.size());
    if (auto found = IpAddress::parse(std::string(text.substr(begin, end - begin)))) return found;
    begin = text.find_first_of(letters, end);
  }
  return std::nullopt;
}

}  // namespace autoctl
