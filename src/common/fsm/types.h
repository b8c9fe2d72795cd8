// Types for small values that could otherwise be swapped by mistake: ids, LSNs, timelines, terms.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace autoctl {

template <class Rep, class Tag>
struct Tagged {
  Rep value{};
  constexpr Tagged() = default;
  constexpr explicit Tagged(Rep v) : value(v) {}
  friend constexpr auto operator<=>(const Tagged&, const Tagged&) = default;
  constexpr explicit operator bool() const { return value != Rep{}; }
};

using NodeId = Tagged<std::int64_t, struct NodeIdTag>;       // unique on a monitor, never reused; 0 means "no node"
using Term = Tagged<std::uint64_t, struct TermTag>;          // a group's decision counter; only grows
using Timeline = Tagged<std::uint32_t, struct TimelineTag>;  // Postgres timeline id; 0 means unknown
using Lsn = Tagged<std::uint64_t, struct LsnTag>;            // Postgres WAL position; 0 means unknown
using SystemId = Tagged<std::uint64_t, struct SystemIdTag>;  // pg_control's system identifier; 0 means unknown

/// Group 0 is the coordinator of a Citus formation, or the only group of a plain one.
using GroupId = int;

/// Monotonic, on the clock of this process; never sent to another process.
using TimePoint = std::chrono::steady_clock::time_point;
using Millis = std::chrono::milliseconds;

/// Postgres' own spelling, "16/B374D848".
std::string to_string(Lsn lsn);
/// The inverse; nullopt when the text is no LSN.
std::optional<Lsn> parse_lsn(std::string_view text);

}  // namespace autoctl

template <class Rep, class Tag>
struct std::hash<autoctl::Tagged<Rep, Tag>> {
  std::size_t operator()(const autoctl::Tagged<Rep, Tag>& t) const noexcept { return std::hash<Rep>{}(t.value); }
};
