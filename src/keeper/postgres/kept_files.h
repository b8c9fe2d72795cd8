// Files that must stay as they were left: a cheap look tells whether somebody has changed one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace autoctl::keeper {

class KeptFiles {
 public:
  /// From now on these, as they are now.
  void keep(const std::vector<std::string>& paths);
  /// This one was changed by ourselves. Nothing happens where it is not kept.
  void renew(const std::string& path);
  /// One of them is another than it was, or gone. False while nothing is kept. A stat for each file; reads none.
  bool changed() const;

 private:
  struct Stamp {
    std::uint64_t inode = 0;
    std::int64_t size = -1;                             // -1: there is no file
    std::int64_t modified = 0, attributes_changed = 0;  // ns
    bool operator==(const Stamp&) const = default;
  };
  static Stamp stamp_of(const std::string& path);

  std::map<std::string, Stamp> files_;
};

}  // namespace autoctl::keeper
