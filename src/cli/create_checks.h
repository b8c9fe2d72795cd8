// What `create` and `run` look at before they change anything.
#pragma once

#include <optional>
#include <string>

#include "common/config/config.h"
#include "common/util/result.h"

namespace autoctl::cli {

/// Postgres refuses to run as root, and so do we. Errors: bad_usage.
Result<> refuse_root();

/// PGDATA, or the directory that it shall be made in, is ours to write to. Errors: denied, conflict (no directory).
Result<> check_ownership(const std::string& pgdata);

/// What an earlier `create` left here, if it came to its end. Errors: bad_config.
Result<std::optional<config::Config>> find_created(const config::Files& files);

/// Is `wanted` what was created? Compares what `create` fixes, not what `config set` may have changed since or the
/// monitor chose. Errors: conflict, naming the differences.
Result<> check_same(const config::Config& created, const config::Config& wanted);

}  // namespace autoctl::cli
