#include "keeper/postgres/kept_files.h"

#include <sys/stat.h>

#include <algorithm>

namespace autoctl::keeper {

KeptFiles::Stamp KeptFiles::stamp_of(const std::string& path) {
  constexpr std::int64_t second = 1'000'000'000;
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {info.st_ino, info.st_size, info.st_mtim.tv_sec * second + info.st_mtim.tv_nsec,
          info.st_ctim.tv_sec * second + info.st_ctim.tv_nsec};
}

void KeptFiles::keep(const std::vector<std::string>& paths) {
  files_.clear();
  for (const auto& path : paths) files_[path] = stamp_of(path);
}

void KeptFiles::renew(const std::string& path) {
  const auto found = files_.find(path);
  if (found != files_.end()) found->second = stamp_of(path);
}

bool KeptFiles::changed() const {
  return std::ranges::any_of(files_, [](const auto& file) { return stamp_of(file.first) != file.second; });
}

}  // namespace autoctl::keeper
