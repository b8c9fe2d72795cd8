// A node's configuration belongs to the node: pg_rewind and pg_basebackup bring the source's. What lies in PGDATA and
// is not data (postgresql.conf, pg_hba.conf, a certificate, conf.d/…) is set aside before and put back after.
#pragma once

#include <string>

#include "common/config/files.h"
#include "common/util/result.h"

namespace autoctl::keeper {

/// Copies it to files.directory. A copy that an interrupted attempt left is the original and is kept. Errors: system.
Result<> save_configuration(const config::Files& files);

/// Puts it into `target` (PGDATA, or a copy that will be) over what is there; nothing to do when none was saved.
Result<> restore_configuration(const config::Files& files, const std::string& target);
/// After the last use.
void forget_saved_configuration(const config::Files& files);

}  // namespace autoctl::keeper
