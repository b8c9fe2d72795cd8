#include "common/config/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "common/util/descriptor.h"
#include "common/util/sync_directory.h"

namespace autoctl::config {

namespace {

/// Reads errno: call it first thing after the failure.
tl::unexpected<Error> system_error(const std::string& what, const std::string& path) {
  const int error = errno;
  return fail(Errc::system, what + " " + path + ": " + std::generic_category().message(error));
}

std::string absolute_without_slash(const std::string& path) {
  if (path.empty()) return path;
  std::error_code ignored;
  std::string text = std::filesystem::absolute(path, ignored).lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

bool write_all(int fd, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = ::write(fd, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

Result<> fill(int fd, const std::string& path, const std::string& text, unsigned mode) {
  if (::fchmod(fd, mode) != 0) return system_error("cannot set the mode of", path);
  if (!write_all(fd, text)) return system_error("cannot write", path);
  if (::fsync(fd) != 0) return system_error("cannot fsync", path);
  return {};
}

}  // namespace

Files::Files(const std::string& pgdata_path)
    : pgdata(absolute_without_slash(pgdata_path)), directory(pgdata.empty() ? "" : pgdata + ".autoctl") {}

Result<std::string> read_file(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    if (errno == ENOENT || errno == ENOTDIR) return fail(Errc::not_found, "there is no file " + path);
    return system_error("cannot open", path);
  }
  std::string text;
  std::array<char, 8192> buffer{};
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("cannot read", path);
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

Result<> write_file(const std::string& path, const std::string& text, unsigned mode) {
  std::error_code no_link;
  const std::filesystem::path target = std::filesystem::canonical(path, no_link);
  const std::string destination = no_link ? path : target.string();
  std::string temporary = destination + ".XXXXXX";
  const Descriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file.valid()) return system_error("cannot create a file beside", destination);
  auto filled = fill(file.get(), destination, text, mode);
  if (filled && ::rename(temporary.c_str(), destination.c_str()) != 0)
    filled = system_error("cannot replace", destination);
  if (!filled) {
    ::unlink(temporary.c_str());
    return filled;
  }
  const std::string parent = std::filesystem::path(destination).parent_path().string();
  return sync_directory(parent.empty() ? "." : parent);
}

}  // namespace autoctl::config
