#include "cli/output/explain.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace autoctl::cli {

std::string explanation_text(const protocol::ExplanationsDocument& document) {
  std::string text;
  for (const auto& group : document.groups) {
    text += fmt::format("{}/{}: {}\n", group.formation, group.group, group.explanation);
    for (const auto& other : group.others) text += fmt::format("  not {}: {}\n", other.name, other.why_not);
  }
  return text;
}

nlohmann::json explanation_json(const protocol::ExplanationsDocument& document) {
  auto groups = nlohmann::json::array();
  for (const auto& group : document.groups) {
    nlohmann::json entry = group;
    for (const char* key : {"primary", "would_win"})
      if (entry[key] == "") entry[key] = nullptr;
    groups.push_back(std::move(entry));
  }
  return groups;
}

}  // namespace autoctl::cli
