// Empty files beside PGDATA that say what must not be done with it. They survive a kill at any moment.
#pragma once

#include "common/config/files.h"
#include "common/util/result.h"

namespace autoctl::keeper {

enum class Marker {
  initdb,     // PGDATA holds an unfinished initdb, and no data
  rewinding,  // pg_rewind did not finish: PGDATA must not be started
  stopped,    // an operator wants Postgres stopped until he says otherwise
  held,       // a Postgres that is started lets in autoctl and the other nodes only
  forked,     // a standby that accepted writes: PGDATA may only be rewound or replaced, never started again
};

bool is_marked(const config::Files& files, Marker marker);
Result<> set_marker(const config::Files& files, Marker marker);
Result<> clear_marker(const config::Files& files, Marker marker);

/// Creates files.directory (0700) if it is missing.
Result<> make_own_directory(const config::Files& files);

/// Everything of a data directory, links to other file systems included. Where a tool would fsync file by file, this is
/// the same with one flush.
Result<> sync_data_directory(const std::string& pgdata);

}  // namespace autoctl::keeper
