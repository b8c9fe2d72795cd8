#include "cli/create_checks.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/config/files.h"
#include "common/postgres/conf_file.h"
#include "common/util/redact.h"

namespace autoctl::cli {

namespace {

namespace fs = std::filesystem;

Result<> check_writable(const fs::path& directory) {
  if (::access(directory.c_str(), W_OK | X_OK) == 0) return {};
  return fail(Errc::denied, fmt::format("cannot write to {}: {}", directory.string(), std::strerror(errno)),
              "autoctl keeps its own files beside PGDATA; give this user the right to write there");
}

}  // namespace

Result<> refuse_root() {
  if (::geteuid() != 0) return {};
  return fail(Errc::bad_usage, "this must not run as root: Postgres refuses to",
              "run it as the user that is to own Postgres, e.g. sudo -u postgres autoctl …");
}

Result<> check_ownership(const std::string& pgdata) {
  struct stat info {};
  if (::stat(pgdata.c_str(), &info) == 0) {
    if (!S_ISDIR(info.st_mode)) return fail(Errc::conflict, fmt::format("{} is not a directory", pgdata));
    if (info.st_uid != ::geteuid())
      return fail(Errc::denied,
                  fmt::format("{} belongs to another user (uid {}, this is uid {})", pgdata, info.st_uid, ::geteuid()),
                  "run autoctl as the user that owns it");
  } else if (errno != ENOENT) {
    return fail(Errc::denied, fmt::format("cannot look at {}: {}", pgdata, std::strerror(errno)),
                "choose a directory that this user can access");
  }
  fs::path parent = fs::path(pgdata).parent_path();
  while (!fs::exists(parent)) parent = parent.parent_path();
  return check_writable(parent);
}

Result<std::string> follow_data_directory(std::string& pgdata) {
  const std::string file = pgdata + "/postgresql.conf";
  std::error_code error;
  if (!fs::exists(file, error) || fs::exists(pgdata + "/PG_VERSION", error)) return std::string{};
  if (::access(file.c_str(), R_OK) != 0)
    return fail(Errc::denied, fmt::format("{} cannot be read: {}", file, std::strerror(errno)),
                "let this user read it");
  const auto settings = postgres::read_settings(file);
  const auto found = settings.find("data_directory");
  if (found == settings.end()) return std::string{};
  if (!found->second.starts_with('/'))
    return fail(Errc::bad_usage, fmt::format("data_directory in {} is a relative path: {}", file, found->second),
                "give the data directory itself as --pgdata, while Postgres runs");
  spdlog::info("{} is a directory of configuration: --pgdata is its data_directory, {}, from now on", pgdata,
               found->second);
  pgdata = config::Files(found->second).pgdata;
  return file;
}

Result<std::optional<config::Config>> find_created(const config::Files& files) {
  auto config = config::load(files);
  if (!config && config.error().code == Errc::not_found) return std::nullopt;
  if (!config) return fail(config.error());
  return *config;
}

Result<> check_same(const config::Config& created, const config::Config& wanted) {
  std::string differences;
  const auto compare = [&](const std::string& key, bool chosen_if_empty) {
    const std::string before = without_password(config::get(created, key).value_or(""));
    const std::string now = without_password(config::get(wanted, key).value_or(""));
    if (before == now || (chosen_if_empty && now.empty())) return;
    differences += fmt::format("{}{} was {}, now it is {}", differences.empty() ? "" : "; ", key,
                               before.empty() ? "not given" : before, now.empty() ? "not given" : now);
  };
  for (const char* key : {"autoctl.role", "autoctl.formation", "autoctl.monitor", "postgresql.port", "postgresql.auth"})
    compare(key, false);
  for (const char* key : {"autoctl.name", "autoctl.hostname", "autoctl.group"}) compare(key, true);
  if (differences.empty()) return {};
  return fail(Errc::conflict,
              fmt::format("{} was already created, with other options: {}", created.pgdata, differences),
              fmt::format("`autoctl config set` changes some of them; `autoctl drop {}` forgets what was created",
                          created.is_monitor() ? "monitor" : "node"));
}

}  // namespace autoctl::cli
