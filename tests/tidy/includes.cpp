#include "includes.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <regex>

namespace autoctl::tidy {
namespace {

struct Include {
  std::string path;
  int line;
};

std::vector<Include> includes_of(const SourceFile& file) {
  static const std::regex directive(R"re(^#include "([^"]*)")re", std::regex::multiline);
  std::vector<Include> includes;
  for (auto at = std::sregex_iterator(file.text.begin(), file.text.end(), directive); at != std::sregex_iterator();
       ++at) {
    includes.push_back({(*at)[1], line_of(file.text, static_cast<std::size_t>(at->position()))});
  }
  return includes;
}

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

// The nearest directory above (or the directory itself) that has a row of its own; "" if none has.
std::string component_of(std::string directory, const Directions& allowed) {
  while (!directory.empty() && !allowed.contains(directory)) directory = directory_of(directory);
  return directory;
}

bool allows(const std::set<std::string>& row, const std::string& directory) {
  return std::ranges::any_of(row, [&](const std::string& entry) {
    return entry.ends_with("/*") ? directory.starts_with(entry.substr(0, entry.size() - 1)) : entry == directory;
  });
}

// The first circle found from each node in `next`, as "a > b > a".
std::vector<std::string> circles(const std::map<std::string, std::vector<std::string>>& next) {
  enum class Colour { white, grey, black };
  std::map<std::string, Colour> colour;
  std::vector<std::string> path;
  std::vector<std::string> found;
  const std::function<void(const std::string&)> visit = [&](const std::string& node) {
    colour[node] = Colour::grey;
    path.push_back(node);
    if (const auto edges = next.find(node); edges != next.end()) {
      for (const auto& to : edges->second) {
        if (colour[to] == Colour::white) visit(to);
        if (colour[to] != Colour::grey) continue;
        std::string circle;
        for (auto at = std::ranges::find(path, to); at != path.end(); ++at) circle += *at + " > ";
        found.push_back(circle + to);
      }
    }
    path.pop_back();
    colour[node] = Colour::black;
  };
  for (const auto& [node, edges] : next) {
    if (colour[node] == Colour::white) visit(node);
  }
  return found;
}

std::optional<std::string> why_not(const std::string& directory, const std::string& included,
                                   const Directions& allowed) {
  if (included.starts_with("tests/")) return "the program includes test code, " + included;
  const auto from = component_of(directory, allowed);
  if (from.empty()) return "src/" + directory + " is not in the table of include directions";
  const auto target = component_of(directory_of(included), allowed);
  if (target == from || allows(allowed.at(from), target)) return std::nullopt;
  return "src/" + directory + " may not include " + included;
}

std::vector<std::string> circles_between_directories(const Directions& allowed) {
  std::map<std::string, std::vector<std::string>> next;
  for (const auto& [from, row] : allowed) {
    for (const auto& [to, ignored] : allowed) {
      if (from != to && allows(row, to)) next[from].push_back(to);
    }
  }
  return circles(next);
}

}  // namespace

std::vector<Finding> wrong_includes(const std::vector<SourceFile>& files, const Directions& allowed) {
  std::vector<Finding> findings;
  std::map<std::string, std::vector<std::string>> headers;
  for (const auto& file : files) {
    if (!file.is_cpp() || !file.path.starts_with("src/")) continue;
    const auto path = file.path.substr(4);
    for (const auto& include : includes_of(file)) {
      if (const auto why = why_not(directory_of(path), include.path, allowed)) {
        findings.push_back({file.path, include.line, *why});
      }
      if (path.ends_with(".h")) headers[path].push_back(include.path);
    }
  }
  for (const auto& circle : circles(headers)) findings.push_back({"src", 0, "headers in a circle: " + circle});
  for (const auto& circle : circles_between_directories(allowed)) {
    findings.push_back({"src", 0, "directions in a circle: " + circle});
  }
  return findings;
}

}  // namespace autoctl::tidy
