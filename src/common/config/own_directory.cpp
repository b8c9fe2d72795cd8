#include "common/config/own_directory.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace autoctl::config {

namespace {

namespace fs = std::filesystem;

bool is_strangers(const struct stat& info) {
  return info.st_uid != ::geteuid() && info.st_uid != 0;
}

Result<> refuse_stranger(const std::string& path, const struct stat& info) {
  return fail(Errc::denied,
              fmt::format("{} belongs to another user (uid {}, this is uid {}), who could make autoctl run anything",
                          path, info.st_uid, ::geteuid()),
              ::geteuid() == 0
                  ? fmt::format("run autoctl as the user that it belongs to: sudo -u '#{}' autoctl …", info.st_uid)
                  : "find out who put it there; remove it, or give it to this user with chown if you trust what is "
                    "in it");
}

/// Nobody but this user and root may change it. Where others cannot get to, the modes do not matter.
Result<> check(const std::string& path, bool in_reach) {
  struct stat link {};
  struct stat target {};
  if (::lstat(path.c_str(), &link) != 0) return {};
  if (is_strangers(link)) return refuse_stranger(path, link);
  if (::stat(path.c_str(), &target) != 0) return {};
  if (is_strangers(target)) return refuse_stranger(path, target);
  const bool open = (target.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !S_ISSOCK(target.st_mode);
  if (!in_reach || !open) return {};
  return fail(Errc::denied,
              fmt::format("{} can be written by other users (its mode is {:o}), who could make autoctl run anything",
                          path, target.st_mode & 07777U),
              fmt::format("look at what is in it, then take the right away: chmod go-w {}", path));
}

}  // namespace

Result<> check_own_directory(const Files& files) {
  AUTOCTL_TRY(check(files.directory, true));
  struct stat info {};
  if (::stat(files.directory.c_str(), &info) != 0) return {};
  const bool in_reach = (info.st_mode & (S_IXGRP | S_IXOTH)) != 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(files.directory, error), end; !error && it != end; it.increment(error))
    AUTOCTL_TRY(check(it->path().string(), in_reach));
  return {};
}

}  // namespace autoctl::config
