// A node keeps its own configuration, but pg_rewind and pg_basebackup bring the source's. So the files in PGDATA that
// are not data (postgresql.conf, pg_hba.conf, a certificate, conf.d/…) are set aside before and put back afterwards.
#pragma once

#include <string>

#include "common/config/files.h"
#include "common/util/result.h"
#include "keeper/postgres/layout.h"

namespace autoctl::keeper {

/// Copies them to files.directory. A copy left by an interrupted attempt is the original and is kept. Errors: system.
Result<> save_configuration(const config::Files& files);

/// Removes the links from PGDATA that were saved: pg_rewind refuses a link where the source has a directory.
Result<> take_links_aside(const std::string& pgdata);

/// Where the node keeps its configuration elsewhere, and had none in `layout.pgdata`: removes the source's. Errors:
/// system.
Result<> remove_brought_files(const config::Files& files, const Layout& layout);

/// Writes them into `target` (PGDATA, or the copy that will become PGDATA) over what is there; does nothing when none
/// were saved.
Result<> restore_configuration(const config::Files& files, const std::string& target);
/// Removes the saved files, after their last use.
void forget_saved_configuration(const config::Files& files);

}  // namespace autoctl::keeper
