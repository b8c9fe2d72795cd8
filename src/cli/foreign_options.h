// Options of `pg_autoctl create …` that have no place here: each is understood, and answered with what to type instead.
#pragma once

#include <optional>
#include <string>

#include "cli/command.h"
#include "common/util/result.h"

namespace autoctl::cli {

struct ForeignOptions {
  bool disable_monitor = false;
  std::optional<std::string> node_id, replication_password;  // nodes
  std::optional<std::string> autoctl_node_password;          // monitors
};

void declare_foreign_of_nodes(Verb command, ForeignOptions& options);
void declare_foreign_of_monitors(Verb command, ForeignOptions& options);

/// Errors: bad_usage, when one of them is given.
Result<> refuse_foreign(const ForeignOptions& options);

}  // namespace autoctl::cli
