// A node gets another name, host name or port: `set node metadata`, and `run` with such options.
#pragma once

#include <string>

#include "cli/options.h"
#include "common/config/config.h"
#include "common/util/result.h"

namespace autoctl::cli {

struct MetadataOptions {
  MonitorTarget target;
  std::string name, hostname;  // empty: as it is
  int pgport = 0;              // 0: as it is
  bool json = false;
};

/// --name, --hostname, --pgport.
void declare_metadata(Verb command, MetadataOptions& options);

/// Checks the change against the formation, tells the monitor, writes it into the node's configuration and waits until
/// a running keeper has followed it. Returns the new configuration. Errors: bad_usage (nothing to change, a monitor's
/// directory), conflict, not_found, timeout, and those of connect_monitor().
Result<config::Config> change_metadata(const MetadataOptions& options);

}  // namespace autoctl::cli
