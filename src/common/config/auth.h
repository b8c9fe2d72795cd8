// Whether what a daemon is to ask of those who connect can be asked of them.
#pragma once

#include "common/config/config.h"

namespace autoctl::config {

/// A node lets the others in over TLS only.
bool demands_tls(const Ssl& ssl);

/// Who has none cannot log in from elsewhere.
bool asks_for_password(const std::string& method);

/// With a line that it cannot read in pg_hba.conf Postgres does not start, and does not reload. The method must be one
/// that a line can name with nothing beside it, and that TLS is there for. Always fine with skip_pg_hba. Errors:
/// bad_usage.
Result<> check_method(const Config& config);

}  // namespace autoctl::config
