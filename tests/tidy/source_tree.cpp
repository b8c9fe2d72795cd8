#include "source_tree.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string_view>

namespace autoctl::tidy {
namespace {

namespace fs = std::filesystem;

// Everything else in the root (build, .git, what an editor leaves) is nobody's prose.
constexpr std::array<std::string_view, 8> directories = {".ci",     "cmake", "docker", "docs",
                                                         "scripts", "sql",   "src",    "tests"};

std::string contents(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

bool SourceFile::is_cpp() const {
  return path.ends_with(".cpp") || path.ends_with(".h");
}
bool SourceFile::is_markdown() const {
  return path.ends_with(".md");
}

std::vector<SourceFile> read_tree(const fs::path& root) {
  std::vector<SourceFile> files;
  const auto add = [&](const fs::path& file) {
    files.push_back({fs::relative(file, root).generic_string(), contents(file)});
  };
  for (const auto& entry : fs::directory_iterator(root)) {
    if (entry.is_regular_file()) add(entry.path());
  }
  for (const auto directory : directories) {
    if (!fs::exists(root / directory)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / directory)) {
      if (entry.is_regular_file()) add(entry.path());
    }
  }
  std::ranges::sort(files, {}, &SourceFile::path);
  return files;
}

std::ostream& operator<<(std::ostream& out, const Finding& finding) {
  out << finding.path;
  if (finding.line > 0) out << ':' << finding.line;
  return out << ": " << finding.what;
}

int line_of(const std::string& text, std::size_t at) {
  return 1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

}  // namespace autoctl::tidy
