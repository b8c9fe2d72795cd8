#include "keeper/postgres/other_disks.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <sstream>

#include "common/tls/certificate.h"

namespace autoctl::keeper {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = ".autoctl-";

/// Directories of ours inside of the user's: a copy uses one while the other is in use. Servers on one machine may share
/// the user's, so each has names of its own.
std::array<std::string, 2> names_of(const std::string& pgdata) {
  const std::string name = std::string(prefix) + tls::sha256_hex(pgdata).substr(0, 8);
  return {name + ".a", name + ".b"};
}

bool is_of_autoctl(const fs::path& directory) {
  return directory.filename().string().starts_with(prefix);
}

/// In the user's directory, of which `used` may be one of autoctl's.
std::string free_place(const fs::path& used, const std::string& pgdata) {
  const auto names = names_of(pgdata);
  const fs::path base = is_of_autoctl(used) ? used.parent_path() : used;
  return (base / (used.filename() == names[0] ? names[1] : names[0])).string();
}

std::string target_of(const std::string& link) {
  std::error_code error;
  if (!fs::is_symlink(link, error)) return {};
  const fs::path target = fs::read_symlink(link, error);
  return error ? ""
               : (target.is_absolute() ? target : fs::path(link).parent_path() / target).lexically_normal().string();
}

bool is_empty_or_missing(const std::string& directory) {
  std::error_code error;
  return !fs::exists(directory, error) || fs::is_empty(directory, error);
}

/// What lies there, and may be somebody's, stays.
std::string empty_place(const std::string& wanted, const std::string& pgdata) {
  return is_empty_or_missing(wanted) ? wanted : free_place(wanted, pgdata);
}

std::string mapped(const std::string& location, const std::string& mapping) {
  std::istringstream pairs(mapping);
  for (std::string pair; std::getline(pairs, pair, ',');)
    if (const auto equals = pair.find('='); pair.substr(0, equals) == location) return pair.substr(equals + 1);
  return location;
}

/// As pg_basebackup wants it.
std::string quoted(const std::string& path) {
  std::string text;
  for (const char c : path) text += c == '=' ? std::string("\\=") : std::string(1, c);
  return text;
}

/// Segments and histories begin with a timeline.
bool is_of_wal(const std::string& name) {
  constexpr std::size_t timeline_digits = 8;
  return name == "archive_status" || name == "summaries" || name.starts_with("xlogtemp.") ||
         (name.size() > timeline_digits && name.find_first_not_of("0123456789ABCDEF") >= timeline_digits);
}

/// The user's directory may hold other things.
bool is_of_postgres(const fs::path& entry, bool wal) {
  const std::string name = entry.filename().string();
  return wal ? is_of_wal(name) : name.starts_with("PG_");
}

void clear_away(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) spdlog::warn("{} is not needed any more and cannot be removed: {}", path.string(), error.message());
}

}  // namespace

OtherDisks::OtherDisks(const config::Config& config, const std::vector<Tablespace>& tablespaces) {
  const std::string wal = target_of(config.pgdata + "/pg_wal");
  if (!wal.empty())
    moves_.push_back({.location = {}, .from = wal, .to = free_place(wal, config.pgdata)});
  else if (!config.waldir.empty())
    moves_.push_back({.location = {}, .from = {}, .to = empty_place(config.waldir, config.pgdata)});
  for (const auto& [oid, location] : tablespaces) {
    const std::string used = target_of(config.pgdata + "/pg_tblspc/" + oid);
    const std::string to = used.empty() ? empty_place(mapped(location, config.tablespace_mapping), config.pgdata)
                                        : free_place(used, config.pgdata);
    if (to != location) moves_.push_back({.location = location, .from = used, .to = to});
  }
}

Result<std::vector<std::string>> OtherDisks::options() const {
  std::vector<std::string> options;
  for (const Move& move : moves_) {
    std::error_code error;
    if (is_of_autoctl(move.to)) fs::remove_all(move.to, error);
    if (error) return fail(Errc::system, "cannot empty " + move.to + ": " + error.message());
    options.push_back(move.location.empty() ? "--waldir=" + move.to
                                            : "--tablespace-mapping=" + quoted(move.location) + "=" + quoted(move.to));
  }
  return options;
}

/// Where the user's directory itself was used, only what is Postgres' goes: ours is inside it now.
void OtherDisks::remove_old() const {
  for (const Move& move : moves_) {
    if (move.from.empty()) continue;
    if (is_of_autoctl(move.from)) {
      clear_away(move.from);
      continue;
    }
    std::error_code error;
    std::vector<fs::path> old;
    for (const auto& entry : fs::directory_iterator(move.from, error))
      if (is_of_postgres(entry.path(), move.location.empty())) old.push_back(entry.path());
    for (const auto& path : old) clear_away(path);
  }
}

void OtherDisks::discard() const {
  for (const Move& move : moves_)
    if (is_of_autoctl(move.to)) clear_away(move.to);
}

}  // namespace autoctl::keeper
