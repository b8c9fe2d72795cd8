#include "keeper/postgres/control_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

namespace autoctl::keeper {
namespace {

template <class Number>
Number number(std::string_view text) {
  Number value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::map<std::string, std::string> fields(std::string_view text) {
  std::map<std::string, std::string> out;
  std::istringstream lines{std::string(text)};
  std::string line;
  while (std::getline(lines, line)) {
    const auto colon = line.find(':');
    const auto value = line.find_first_not_of(' ', colon + 1);
    if (colon == std::string::npos) continue;
    out[line.substr(0, colon)] = value == std::string::npos ? "" : line.substr(value);
  }
  return out;
}

}  // namespace

std::optional<ControlData> parse_control_data(std::string_view text) {
  auto field = fields(text);
  if (!field.contains("Database system identifier") || !field.contains("Latest checkpoint's TimeLineID"))
    return std::nullopt;
  ControlData data;
  data.system_id = SystemId{number<std::uint64_t>(field["Database system identifier"])};
  data.cluster_state = field["Database cluster state"];
  data.checkpoint = parse_lsn(field["Latest checkpoint location"]).value_or(Lsn{});
  data.checkpoint_timeline = Timeline{number<std::uint32_t>(field["Latest checkpoint's TimeLineID"])};
  data.minimum_recovery = parse_lsn(field["Minimum recovery ending location"]).value_or(Lsn{});
  data.timeline =
      std::max(data.checkpoint_timeline, Timeline{number<std::uint32_t>(field["Min recovery ending loc's timeline"])});
  data.segment_size = number<std::uint64_t>(field["Bytes per WAL segment"]);
  data.wal_block_size = number<std::uint64_t>(field["WAL block size"]);
  data.checksums = number<int>(field["Data page checksum version"]) != 0;
  for (const char* name :
       {"max_connections", "max_worker_processes", "max_wal_senders", "max_prepared_xacts", "max_locks_per_xact"}) {
    const auto found = field.find(std::string(name) + " setting");
    if (found == field.end()) continue;
    const std::string setting = std::string(name) == "max_prepared_xacts"   ? "max_prepared_transactions"
                                : std::string(name) == "max_locks_per_xact" ? "max_locks_per_transaction"
                                                                            : name;
    data.hot_standby_minima[setting] = found->second;
  }
  return data;
}

std::vector<HistoryEntry> parse_history(std::string_view text) {
  std::vector<HistoryEntry> entries;
  std::istringstream lines{std::string(text)};
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::uint32_t timeline = 0;
    std::string position;
    if (!(words >> timeline >> position)) continue;
    if (const auto lsn = parse_lsn(position)) entries.push_back({Timeline{timeline}, *lsn});
  }
  return entries;
}

std::string history_file_name(Timeline timeline) {
  return fmt::format("{:08X}.history", timeline.value);
}

std::string segment_name(Timeline timeline, Lsn lsn, std::uint64_t segment_size) {
  const std::uint64_t segment = (lsn.value == 0 ? 0 : lsn.value - 1) / segment_size;
  const std::uint64_t per_id = 0x100000000ULL / segment_size;
  return fmt::format("{:08X}{:08X}{:08X}", timeline.value, segment / per_id, segment % per_id);
}

Lsn record_end(Lsn start, std::uint32_t length, std::uint64_t block_size, std::uint64_t segment_size) {
  constexpr std::uint64_t page_header = 24, first_page_header = 40, alignment = 8;
  const auto aligned = [&](std::uint64_t value) { return (value + alignment - 1) / alignment * alignment; };
  std::uint64_t at = start.value;
  std::uint64_t left = length;
  while (left > block_size - at % block_size) {
    left -= block_size - at % block_size;
    at += block_size - at % block_size;
    at += at % segment_size == 0 ? first_page_header : page_header;
  }
  return Lsn{aligned(at + left)};
}

}  // namespace autoctl::keeper
