#include "common/util/pid_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <utility>

namespace autoctl {

namespace {

/// Open-file-description locks: asking about them (F_OFD_GETLK) takes none, so a look cannot keep a daemon from
/// starting.
struct flock whole_file(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

tl::unexpected<Error> system_error(const std::string& what, const std::string& path) {
  return fail(Errc::system, fmt::format("{} {}: {}", what, path, std::generic_category().message(errno)));
}

std::optional<pid_t> read_pid(int fd) {
  std::array<char, 32> text{};
  const ssize_t length = ::pread(fd, text.data(), text.size(), 0);
  pid_t pid = 0;
  if (length <= 0 || std::from_chars(text.data(), text.data() + length, pid).ec != std::errc{}) return std::nullopt;
  return pid > 0 ? std::optional(pid) : std::nullopt;
}

}  // namespace

Result<PidFile> PidFile::acquire(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid()) return system_error("cannot open", path);
  const int fd = file.get();
  struct flock lock = whole_file(F_WRLCK);
  if (::fcntl(fd, F_OFD_SETLK, &lock) != 0) {
    if (errno != EAGAIN && errno != EACCES) return system_error("cannot lock", path);
    const auto holder = read_pid(fd);
    return fail(Errc::conflict,
                fmt::format("autoctl is already running for this data directory{}",
                            holder ? fmt::format(", with pid {}", *holder) : ""),
                "`autoctl stop` ends it");
  }
  const std::string text = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    return system_error("cannot write", path);
  return PidFile(std::move(file));
}

Result<std::optional<pid_t>> locked_pid(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid() && errno == ENOENT) return std::nullopt;
  if (!file.valid()) return system_error("cannot open", path);
  struct flock lock = whole_file(F_WRLCK);
  if (::fcntl(file.get(), F_OFD_GETLK, &lock) != 0) return system_error("cannot look at the lock of", path);
  if (lock.l_type == F_UNLCK) return std::nullopt;
  const auto pid = read_pid(file.get());
  if (!pid) return fail(Errc::unavailable, fmt::format("{} is locked but holds no pid yet", path), "try again");
  return pid;
}

}  // namespace autoctl
