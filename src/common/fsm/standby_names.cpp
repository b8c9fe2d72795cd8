#include "common/fsm/standby_names.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <vector>

namespace autoctl {
namespace {

constexpr std::string_view prefix = "autoctl_standby_";
constexpr int default_priority = 50;

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number <= 0) return std::nullopt;
  return number;
}

}  // namespace

std::string standby_name(NodeId id) {
  return std::string(prefix) + std::to_string(id.value);
}

std::optional<NodeId> parse_standby_name(std::string_view name) {
  if (!name.starts_with(prefix)) return std::nullopt;
  const auto id = parse_number<std::int64_t>(name.substr(prefix.size()));
  if (!id) return std::nullopt;
  return NodeId{*id};
}

std::string sync_names(const SyncQuorum& quorum, const Priorities& priorities) {
  if (quorum.asynchronous()) return "";
  const auto priority_of = [&](NodeId id) {
    const auto found = priorities.find(id);
    return found == priorities.end() ? default_priority : found->second;
  };
  std::vector<NodeId> listed = quorum.voters;
  std::ranges::stable_sort(listed, std::greater{}, priority_of);
  std::string names;
  for (const NodeId id : listed) names += (names.empty() ? "" : ", ") + standby_name(id);
  return "ANY " + std::to_string(quorum.acks) + " (" + names + ")";
}

std::optional<SyncQuorum> parse_sync_names(const std::string& text) {
  std::string_view rest = trimmed(text);
  SyncQuorum quorum;
  if (rest.empty()) return quorum;
  if (!rest.starts_with("ANY ") || !rest.ends_with(')')) return std::nullopt;
  rest.remove_prefix(4);
  rest.remove_suffix(1);
  const auto open = rest.find('(');
  if (open == std::string_view::npos) return std::nullopt;
  const auto acks = parse_number<int>(trimmed(rest.substr(0, open)));
  if (!acks) return std::nullopt;
  quorum.acks = *acks;
  rest.remove_prefix(open + 1);
  for (;;) {
    const auto comma = rest.find(',');
    const auto id = parse_standby_name(trimmed(rest.substr(0, comma)));
    if (!id) return std::nullopt;
    quorum.voters.push_back(*id);
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  std::ranges::sort(quorum.voters);
  const bool repeated = std::ranges::adjacent_find(quorum.voters) != quorum.voters.end();
  if (repeated || quorum.acks > static_cast<int>(quorum.voters.size())) return std::nullopt;
  return quorum;
}

}  // namespace autoctl
