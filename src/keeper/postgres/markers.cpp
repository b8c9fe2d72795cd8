#include "keeper/postgres/markers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "common/util/descriptor.h"
#include "common/util/sync_directory.h"

namespace autoctl::keeper {
namespace {

std::string path_of(const config::Files& files, Marker marker) {
  const char* name = marker == Marker::initdb      ? "/initdb.unfinished"
                     : marker == Marker::rewinding ? "/rewind.unfinished"
                     : marker == Marker::stopped   ? "/postgres.stopped"
                     : marker == Marker::held      ? "/clients.held"
                                                   : "/standby.forked";
  return files.directory + name;
}

}  // namespace

bool is_marked(const config::Files& files, Marker marker) {
  return ::access(path_of(files, marker).c_str(), F_OK) == 0;
}

Result<> set_marker(const config::Files& files, Marker marker) {
  AUTOCTL_TRY(make_own_directory(files));
  return config::write_file(path_of(files, marker), "");
}

Result<> clear_marker(const config::Files& files, Marker marker) {
  const std::string path = path_of(files, marker);
  if (::unlink(path.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return fail(Errc::system, "cannot remove " + path + ": " + std::strerror(errno));
  }
  return sync_directory(files.directory);
}

Result<> make_own_directory(const config::Files& files) {
  if (::mkdir(files.directory.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return fail(Errc::system, "cannot create " + files.directory + ": " + std::strerror(errno));
}

Result<> sync_data_directory(const std::string& pgdata) {
  std::vector<std::string> places = {pgdata, pgdata + "/pg_wal"};
  std::error_code none;
  for (const auto& link : std::filesystem::directory_iterator(pgdata + "/pg_tblspc", none))
    places.push_back(link.path().string());
  for (const auto& place : places) {
    const Descriptor directory(::open(place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.valid() && errno == ENOENT) continue;
    if (!directory.valid() || ::syncfs(directory.get()) != 0)
      return fail(Errc::system, "cannot write " + place + " to disk: " + std::strerror(errno));
  }
  return {};
}

}  // namespace autoctl::keeper
