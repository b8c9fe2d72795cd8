#include "cli/demo/unprivileged.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

namespace autoctl::demo {
namespace {

Error os_error(const std::string& what) {
  return Error{Errc::system, what + ": " + std::strerror(errno), {}};
}

Result<> become(const passwd& user, const std::string& home) {
  if (::setgroups(0, nullptr) != 0 || ::setgid(user.pw_gid) != 0 || ::setuid(user.pw_uid) != 0)
    return fail(os_error(fmt::format("cannot become the user {}", user.pw_name)));
  ::setenv("HOME", home.c_str(), 1);
  ::setenv("USER", user.pw_name, 1);
  ::setenv("LOGNAME", user.pw_name, 1);
  return {};
}

}  // namespace

Result<Stage> set_stage() {
  auto scratch = lab::ScratchDirectory::make("autoctl-demo-");
  if (!scratch) return fail(std::move(scratch.error()));
  const std::string path = scratch->path();
  Stage stage{std::move(*scratch), lab::autoctl_binary(), {}};
  if (::geteuid() != 0) return stage;

  const passwd* user = ::getpwnam("postgres");
  if (user == nullptr) user = ::getpwnam("nobody");
  if (user == nullptr)
    return fail(Errc::system, "Postgres refuses to run as root, and there is no user postgres or nobody",
                "run the demonstration as an ordinary user");
  stage.user = user->pw_name;
  const std::string copy = path + "/autoctl";
  std::error_code error;
  if (!std::filesystem::copy_file(stage.binary, copy, error))
    return fail(Errc::system, fmt::format("cannot copy {} to {}: {}", stage.binary, copy, error.message()));
  stage.binary = copy;
  std::filesystem::permissions(copy, std::filesystem::perms{0755}, error);
  if (::chown(path.c_str(), user->pw_uid, user->pw_gid) != 0)
    return fail(os_error("cannot change the owner of " + path));
  AUTOCTL_TRY(become(*user, path));
  if (::chdir(path.c_str()) != 0) return fail(os_error("cannot enter " + path));
  return stage;
}

}  // namespace autoctl::demo
