// What the tidy test reads, and what it says.
#pragma once

#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

namespace autoctl::tidy {

struct SourceFile {
  std::string path;  // relative to the tree's root, with '/'
  std::string text;

  bool is_cpp() const;
  bool is_markdown() const;
};

/// The files of a tree that people write, by path. Throws std::filesystem::filesystem_error when `root` cannot be read.
std::vector<SourceFile> read_tree(const std::filesystem::path& root);

struct Finding {
  std::string path;
  int line = 0;  // from 1
  std::string what;

  bool operator==(const Finding&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Finding& finding);

/// The line, from 1, of the character at `at`.
int line_of(const std::string& text, std::size_t at);

}  // namespace autoctl::tidy
