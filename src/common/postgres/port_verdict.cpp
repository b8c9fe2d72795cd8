#include "common/postgres/port_verdict.h"

#include <algorithm>
#include <cerrno>

namespace autoctl::postgres {

Sign judge_answer(char byte, bool has_certificate) {
  switch (byte) {
    case 'S': return Sign::answered;
    case 'N': return has_certificate ? Sign::stranger : Sign::answered;
    case 'E': return has_certificate ? Sign::broken_off : Sign::answered;
    default: return Sign::stranger;
  }
}

Sign judge_certificate(const Fingerprint& shown, std::span<const Fingerprint> known) {
  return std::ranges::find(known, shown) != known.end() ? Sign::answered : Sign::stranger;
}

Sign judge_error(int error) {
  switch (error) {
    case ECONNREFUSED: return Sign::refused;
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED: return Sign::broken_off;
    case EAFNOSUPPORT:
    case ENETUNREACH: return Sign::no_route;
    case EADDRNOTAVAIL: return Sign::no_address;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS: return Sign::local;
    default: return Sign::silent;
  }
}

std::optional<PortState> judge_host(std::span<const Sign> signs) {
  const auto any = [signs](Sign wanted) { return std::ranges::find(signs, wanted) != signs.end(); };
  if (any(Sign::answered)) return PortState::open;
  if (any(Sign::broken_off) || any(Sign::local)) return std::nullopt;
  if (any(Sign::silent)) return PortState::silent;
  if (any(Sign::stranger)) return PortState::stranger;
  if (any(Sign::refused)) return PortState::refused;
  // Where nothing else came, its ports may be used up.
  return any(Sign::no_address) && !any(Sign::no_route) ? std::nullopt : std::optional(PortState::silent);
}

}  // namespace autoctl::postgres
