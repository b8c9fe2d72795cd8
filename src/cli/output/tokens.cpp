#include "cli/output/tokens.h"

#include <nlohmann/json.hpp>

#include "cli/output/table.h"

namespace autoctl::cli {

namespace {

std::string listed(const std::vector<std::string>& formations) {
  std::string text;
  for (const std::string& formation : formations) text += (text.empty() ? "" : ", ") + formation;
  return text.empty() ? "all" : text;
}

}  // namespace

std::string tokens_table(const protocol::TokensDocument& document) {
  Table table({{"Id", 4},
               {"Role", 8},
               {"Name", 8},
               {"Formations", 10},
               {"Group", 5},
               {"Left", 5},
               {"State", 7},
               {"Expires", 24},
               {"Made", 24},
               {"Made By", 9, true}});
  for (const auto& token : document.tokens)
    table.add({std::to_string(token.id), token.role, token.label, listed(token.formations),
               token.group ? std::to_string(*token.group) : "any",
               token.role == protocol::join_role ? std::to_string(token.nodes_left) : "-", token.state, token.expires,
               token.made, token.made_by});
  return table.text();
}

nlohmann::json token_json(const protocol::TokenDocument& token) {
  nlohmann::json object = {
      {"id", token.id},     {"role", token.role},      {"name", token.label},  {"formations", token.formations},
      {"group", nullptr},   {"left", nullptr},         {"state", token.state}, {"expires", token.expires},
      {"made", token.made}, {"made_by", token.made_by}};
  if (token.role == protocol::join_role) object["left"] = token.nodes_left;
  if (token.group) object["group"] = *token.group;
  return object;
}

nlohmann::json tokens_json(const protocol::TokensDocument& document) {
  nlohmann::json array = nlohmann::json::array();
  for (const auto& token : document.tokens) array.push_back(token_json(token));
  return array;
}

}  // namespace autoctl::cli
