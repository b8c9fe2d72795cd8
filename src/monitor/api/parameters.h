// Numbers in paths and query strings.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/util/result.h"

namespace autoctl::monitor {

/// Errors: bad_usage, naming `what`.
Result<std::int64_t> parse_number(const std::string& text, const std::string& what, std::int64_t low,
                                  std::int64_t high);

/// Of a query string; nullopt when it is absent. Errors: bad_usage.
Result<std::optional<std::int64_t>> query_number(const std::map<std::string, std::string>& query,
                                                 const std::string& name, std::int64_t low, std::int64_t high);

std::string query_text(const std::map<std::string, std::string>& query, const std::string& name,
                       const std::string& otherwise = {});

}  // namespace autoctl::monitor
