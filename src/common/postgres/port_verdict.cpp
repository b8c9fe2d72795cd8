#include "common/postgres/port_verdict.h"

#include <algorithm>
#include <cerrno>

namespace autoctl::postgres {

Sign judge_answer(char byte) {
  return byte == 'S' || byte == 'N' || byte == 'E' ? Sign::answered : Sign::silent;
}

Sign judge_error(int error) {
  switch (error) {
    case ECONNREFUSED: return Sign::refused;
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED: return Sign::broken_off;
    case EAFNOSUPPORT:
    case ENETUNREACH:
    case EADDRNOTAVAIL: return Sign::no_route;
    default: return Sign::silent;
  }
}

std::optional<PortState> judge_host(std::span<const Sign> signs) {
  const auto any = [signs](Sign wanted) { return std::ranges::find(signs, wanted) != signs.end(); };
  if (any(Sign::answered)) return PortState::open;
  if (any(Sign::broken_off)) return std::nullopt;
  return any(Sign::refused) && !any(Sign::silent) ? PortState::refused : PortState::silent;
}

}  // namespace autoctl::postgres
