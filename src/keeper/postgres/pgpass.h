// The replication password, kept in a libpq password file that standbys and pg_rewind refer to; never in argv or a log.
#pragma once

#include <string>

#include "common/config/files.h"

namespace autoctl::keeper {

Result<> save_replication_password(const config::Files& files, const std::string& password);
Result<std::string> replication_password(const config::Files& files);

}  // namespace autoctl::keeper
