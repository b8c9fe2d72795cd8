// autoctl's settings of a server: a file of their own, and the line of postgresql.conf that includes it. The monitor's
// server and every node's are configured in this way.
#pragma once

#include <string>

#include "common/postgres/conf_file.h"
#include "common/util/result.h"

namespace autoctl::postgres {

inline constexpr const char* include_name = "postgresql-autoctl.conf";

/// Which settings win where the user has set the same name in postgresql.conf.
enum class Precedence {
  autoctl,  // autoctl's: the include line stays the last one
  user,     // the user's, below the include line, which stays where it is
};

/// Writes `settings` into the include file beside `main_file` (postgresql.conf), and the include line into `main_file`.
/// True when either file has changed. The server reads them at its next start or reload. Errors: system, not_found.
Result<bool> write_settings(const std::string& main_file, const ServerSettings& settings, Precedence precedence);

/// The include file alone.
Result<bool> write_include_file(const std::string& path, const ServerSettings& settings, Precedence precedence);

}  // namespace autoctl::postgres
