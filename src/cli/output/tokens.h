// Tokens as a table and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "common/protocol/tokens.h"

namespace autoctl::cli {

std::string tokens_table(const protocol::TokensDocument& document);
nlohmann::json tokens_json(const protocol::TokensDocument& document);
/// Without its secret.
nlohmann::json token_json(const protocol::TokenDocument& token);

}  // namespace autoctl::cli
