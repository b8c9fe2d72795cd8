#include "common/util/place.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

namespace autoctl {

namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// Of hardware, or what a hypervisor shows as such: a cloned machine gets others. Bridges and the like come and go.
std::string network_cards() {
  std::vector<std::string> addresses;
  std::error_code error;
  for (const auto& card : std::filesystem::directory_iterator("/sys/class/net", error))
    if (std::filesystem::exists(card.path() / "device", error))
      addresses.push_back(first_line((card.path() / "address").string()));
  std::ranges::sort(addresses);
  std::string text;
  for (const std::string& address : addresses) text += (text.empty() ? "" : "+") + address;
  return text;
}

/// Its number and when it was made: no copy has both.
std::string directory_on_disk(const std::string& directory) {
  struct statx info {};
  if (::statx(AT_FDCWD, directory.c_str(), 0, STATX_INO | STATX_BTIME, &info) != 0) return {};
  std::string text = std::to_string(info.stx_ino);
  if ((info.stx_mask & STATX_BTIME) != 0)
    text += "@" + std::to_string(info.stx_btime.tv_sec) + "." + std::to_string(info.stx_btime.tv_nsec);
  return text;
}

}  // namespace

std::string place_of(const std::string& directory) {
  return first_line("/etc/machine-id") + "/" + network_cards() + "/" + directory_on_disk(directory);
}

}  // namespace autoctl
