#include "keeper/postgres/wal_room.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

namespace autoctl::keeper {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t bytes_in_megabyte = 1024 * 1024;
constexpr std::uint64_t least_room = 32;  // MB: two segments of the usual size, less means nothing to the server
constexpr std::uint64_t usual_keep_size = 256, usual_max_size = 1024;
constexpr const char* max_size_of_initdb = "1GB";

/// Of a text that we wrote.
std::uint64_t megabytes(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && std::string_view(end) == "MB" ? value : 0;
}

/// The old value as long as the wanted one is within an eighth of it: each change is a reload.
std::string steady(std::uint64_t wanted, const ServerSettings& before, const std::string& name) {
  const auto found = before.find(name);
  const std::uint64_t old = found == before.end() ? 0 : megabytes(found->second);
  const std::uint64_t distance = old > wanted ? old - wanted : wanted - old;
  return std::to_string(old != 0 && distance <= old / 8 ? old : wanted) + "MB";
}

}  // namespace

std::uint64_t wal_room(const std::string& pgdata) {
  struct statvfs disk {};
  if (::statvfs((pgdata + "/pg_wal").c_str(), &disk) != 0) return 0;
  std::uint64_t room = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(pgdata + "/pg_wal", error)) {
    std::error_code gone;
    if (entry.is_regular_file(gone)) room += entry.file_size(gone);
  }
  return room;
}

ServerSettings wal_bounds(std::uint64_t room, const UserSettings& user, const ServerSettings& before) {
  ServerSettings bounds;
  if (room == 0) return bounds;
  const std::uint64_t all = room / bytes_in_megabyte;
  const auto part = [&](std::uint64_t of, std::uint64_t at_most) { return std::clamp(all / of, least_room, at_most); };
  const auto set = [&](const char* name, std::uint64_t value) { bounds[name] = steady(value, before, name); };
  if (!user.value("max_slot_wal_keep_size")) set("max_slot_wal_keep_size", std::max(all / 2, least_room));
  if (!user.value("wal_keep_size")) set("wal_keep_size", part(8, usual_keep_size));
  const auto max_size = user.value("max_wal_size");
  if ((!max_size || *max_size == max_size_of_initdb) && all / 4 < usual_max_size)
    set("max_wal_size", part(4, usual_max_size));
  return bounds;
}

bool BoundsWritten::still_good(std::uint64_t room_now, TimePoint now) const {
  constexpr std::chrono::minutes for_so_long{1};
  const std::uint64_t moved = room_now > room ? room_now - room : room - room_now;
  return moved <= room / 64 && now - at < for_so_long;
}

}  // namespace autoctl::keeper
