#include "references.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <regex>
#include <set>

#include "cpp_text.h"

namespace autoctl::tidy {
namespace {

namespace fs = std::filesystem;

// Names of files that exist only elsewhere: made by the build, or examples.
const std::set<std::string>& not_ours() {
  static const std::set<std::string> names = {"migrations.cpp"};
  return names;
}

void blank_out(std::string& text, const std::regex& what) {
  std::string blank = text;
  for (auto at = std::sregex_iterator(text.begin(), text.end(), what); at != std::sregex_iterator(); ++at) {
    for (auto i = at->position(); i < at->position() + at->length(); ++i) {
      auto& c = blank[static_cast<std::size_t>(i)];
      if (c != '\n') c = ' ';
    }
  }
  text = blank;
}

// Comments of shell, SQL and CMake are whole lines.
std::string comment_lines_of(const std::string& text, const std::string& mark) {
  std::string kept = text;
  std::size_t from = 0;
  while (from < kept.size()) {
    const auto end = std::min(kept.find('\n', from), kept.size());
    const auto first = kept.find_first_not_of(' ', from);
    if (first >= end || kept.compare(first, mark.size(), mark) != 0)
      std::fill(&kept[from], &kept[from] + (end - from), ' ');
    from = end + 1;
  }
  return kept;
}

std::string prose_of(const SourceFile& file) {
  if (file.path == "CHANGELOG.md") return "";
  if (file.is_markdown()) return file.text;
  if (file.is_cpp()) return comments_of(file.text);
  if (file.path.ends_with(".sql")) return comment_lines_of(file.text, "--");
  return comment_lines_of(file.text, "#");
}

// As GitHub makes them: lower case, spaces to hyphens, punctuation gone.
std::string anchor_of(const std::string& heading) {
  std::string anchor;
  for (const unsigned char c : heading) {
    if (std::isalnum(c) != 0 || c == '-' || c == '_' || c >= 0x80) anchor += static_cast<char>(std::tolower(c));
    if (c == ' ') anchor += '-';
  }
  return anchor;
}

class Tree {
 public:
  explicit Tree(const std::vector<SourceFile>& files) {
    for (const auto& file : files) {
      const fs::path path(file.path);
      names_.insert(path.filename().string());
      for (auto at = path; !at.empty(); at = at.parent_path()) paths_.insert(at.generic_string());
      if (file.is_markdown()) anchors_[file.path] = anchors_of(file.text);
    }
  }

  bool has(std::string path) const {
    while (path.ends_with('/')) path.pop_back();
    if (path.find('*') == std::string::npos) return paths_.contains(path);
    std::string pattern;
    for (const char c : path) {
      if (c == '.') pattern += '\\';
      pattern += c == '*' ? std::string("[^/]*") : std::string(1, c);
    }
    const std::regex glob(pattern);
    return std::ranges::any_of(paths_, [&](const std::string& one) { return std::regex_match(one, glob); });
  }
  bool has_name(const std::string& name) const { return names_.contains(name) || not_ours().contains(name); }
  bool has_anchor(const std::string& page, const std::string& anchor) const {
    const auto found = anchors_.find(page);
    return found == anchors_.end() || found->second.contains(anchor);
  }

 private:
  static std::set<std::string> anchors_of(std::string text) {
    static const std::regex fence(R"(```[^]*?```)");
    static const std::regex heading(R"(^#{1,6} +(.*?) *$)", std::regex::multiline);
    blank_out(text, fence);
    std::set<std::string> anchors;
    for (auto at = std::sregex_iterator(text.begin(), text.end(), heading); at != std::sregex_iterator(); ++at) {
      const auto anchor = anchor_of((*at)[1]);
      auto unique = anchor;
      for (int n = 1; !anchors.insert(unique).second; ++n) unique = anchor + "-" + std::to_string(n);
    }
    return anchors;
  }

  std::set<std::string> paths_;
  std::set<std::string> names_;
  std::map<std::string, std::set<std::string>> anchors_;  // by page
};

std::optional<std::string> why_dead(const Tree& tree, const SourceFile& file, const std::string& target) {
  static const std::regex elsewhere(R"(^[a-z]+:.*)");
  if (std::regex_match(target, elsewhere)) return std::nullopt;
  const auto hash = target.find('#');
  const auto relative = target.substr(0, hash);
  const auto page =
      relative.empty() ? file.path : (fs::path(file.path).parent_path() / relative).lexically_normal().generic_string();
  if (!tree.has(page)) return "a link to " + page + ", which is not there";
  if (hash == std::string::npos || tree.has_anchor(page, target.substr(hash + 1))) return std::nullopt;
  return "a link to a heading that " + page + " does not have: " + target.substr(hash);
}

const std::regex& link() {
  static const std::regex markdown(R"(\]\(([^)\s]+)\))");
  return markdown;
}

void look_for_links(const Tree& tree, const SourceFile& file, std::vector<Finding>& findings) {
  static const std::regex code(R"(```[^]*?```|`[^`\n]*`)");
  auto text = file.text;
  blank_out(text, code);
  for (auto at = std::sregex_iterator(text.begin(), text.end(), link()); at != std::sregex_iterator(); ++at) {
    const auto line = line_of(text, static_cast<std::size_t>(at->position()));
    if (const auto why = why_dead(tree, file, (*at)[1])) findings.push_back({file.path, line, *why});
  }
}

void look_for_paths(const Tree& tree, const SourceFile& file, std::vector<Finding>& findings) {
  static const std::regex named(
      R"((^|[^\w./<>-])(((src|tests|docs|scripts|sql|docker|cmake)/[\w./*-]*\w/?)|([\w-]+\.(cpp|h|md|sql)))(?![\w/<{*-]))",
      std::regex::multiline);
  auto prose = prose_of(file);
  if (file.is_markdown()) blank_out(prose, link());
  for (auto at = std::sregex_iterator(prose.begin(), prose.end(), named); at != std::sregex_iterator(); ++at) {
    const std::string name = (*at)[2];
    const bool there = name.find('/') != std::string::npos ? tree.has(name) : tree.has_name(name);
    const auto where = static_cast<std::size_t>(at->position(2));
    if (!there) findings.push_back({file.path, line_of(prose, where), "there is no " + name});
  }
}

}  // namespace

std::vector<Finding> dead_references(const std::vector<SourceFile>& files) {
  const Tree tree(files);
  std::vector<Finding> findings;
  for (const auto& file : files) {
    if (file.is_markdown()) look_for_links(tree, file, findings);
    look_for_paths(tree, file, findings);
  }
  return findings;
}

}  // namespace autoctl::tidy
