// What `create` and `run` check before they change anything.
#pragma once

#include <optional>
#include <string>

#include "common/config/config.h"
#include "common/util/result.h"

namespace autoctl::cli {

/// Postgres refuses to run as root, and so does autoctl. Errors: bad_usage.
Result<> refuse_root();

/// This user may write to PGDATA, or to the directory in which it is to be made. Errors: denied, conflict (no
/// directory).
Result<> check_ownership(const std::string& pgdata);

/// --pgdata as Postgres' own -D: where it is a directory of configuration, its data_directory takes its place. Returns
/// the postgresql.conf there, otherwise nothing. Errors: bad_usage.
Result<std::string> follow_data_directory(std::string& pgdata);

/// The configuration that an earlier `create` made here, if it finished. Errors: bad_config.
Result<std::optional<config::Config>> find_created(const config::Files& files);

/// Does `wanted` match what was created? Compares what `create` fixes, not what `config set` may have changed since or
/// the monitor chose. Errors: conflict, naming the differences.
Result<> check_same(const config::Config& created, const config::Config& wanted);

}  // namespace autoctl::cli
