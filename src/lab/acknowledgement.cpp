#include "lab/acknowledgement.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace autoctl::lab {
namespace {

std::string server_of(const Acknowledgement& ack) {
  return fmt::format("{}:{}", ack.address, ack.port);
}

Millis between(TimePoint from, TimePoint to) {
  return std::chrono::duration_cast<Millis>(to - from);
}

}  // namespace

Millis largest_gap(const std::vector<Acknowledgement>& in_order, TimePoint from, TimePoint to) {
  const auto after = [](TimePoint at, const Acknowledgement& ack) { return at < ack.received; };
  auto next = std::upper_bound(in_order.begin(), in_order.end(), from, after);
  TimePoint last = next == in_order.begin() ? from : std::prev(next)->received;
  Millis largest{0};
  for (; next != in_order.end() && last < to; ++next) {
    largest = std::max(largest, between(last, next->received));
    last = next->received;
  }
  return last < to ? std::max(largest, between(last, to)) : largest;
}

std::optional<std::string> find_split_brain(const std::vector<Acknowledgement>& all) {
  std::map<Timeline, Acknowledgement> first;  // the earliest acknowledgement of each timeline
  for (const auto& ack : all) {
    const auto [known, is_new] = first.emplace(ack.timeline, ack);
    if (is_new) continue;
    if (server_of(known->second) != server_of(ack))
      return fmt::format("both {} and {} acknowledged writes on timeline {}", server_of(known->second), server_of(ack),
                         ack.timeline.value);
    if (ack.received < known->second.received) known->second = ack;
  }
  for (const auto& ack : all) {
    for (auto later = first.upper_bound(ack.timeline); later != first.end(); ++later) {
      if (later->second.received >= ack.sent) continue;
      return fmt::format(
          "{} acknowledged row {} on timeline {}, sent {} ms after {} had acknowledged one on timeline {}",
          server_of(ack), ack.id, ack.timeline.value, between(later->second.received, ack.sent).count(),
          server_of(later->second), later->first.value);
    }
  }
  return std::nullopt;
}

std::vector<std::int64_t> find_lost(const std::vector<Acknowledgement>& acknowledged,
                                    const std::vector<std::int64_t>& present) {
  std::vector<std::int64_t> lost;
  for (const auto& ack : acknowledged)
    if (!std::binary_search(present.begin(), present.end(), ack.id)) lost.push_back(ack.id);
  return lost;
}

}  // namespace autoctl::lab
