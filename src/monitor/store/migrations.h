// The numbered schema changes of sql/, embedded at build time.
#pragma once

#include <span>
#include <string_view>

#include "common/pg/connection.h"
#include "common/util/result.h"

namespace autoctl::monitor {

struct Migration {
  int number;             // 1, 2, …
  std::string_view name;  // "0001_init"
  const char* sql;
};

/// In ascending order. Defined in a generated source (cmake/embed_sql.cmake).
std::span<const Migration> migrations();

/// Has the schema an older version than this binary's, or is there none? Waits for no lock.
Result<bool> is_behind(pg::Connection& connection);

/// Brings schema autoctl to the version that this binary knows, each step in a transaction of its own, under an
/// advisory lock. Errors: incompatible (the schema is newer than this binary), postgres, unavailable, timeout.
Result<> migrate(pg::Connection& connection);

}  // namespace autoctl::monitor
