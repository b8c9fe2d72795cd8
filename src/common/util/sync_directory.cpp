#include "common/util/sync_directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "common/util/descriptor.h"

namespace autoctl {

Result<> sync_directory(const std::string& path) {
  const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.valid() && ::fsync(directory.get()) == 0) return {};
  return fail(Errc::system, "cannot fsync directory " + path + ": " + std::generic_category().message(errno));
}

}  // namespace autoctl
