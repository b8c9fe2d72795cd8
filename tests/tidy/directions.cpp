#include "includes.h"

namespace autoctl::tidy {

const Directions& directions() {
  static const Directions table = {
      // What everything stands on.
      {"common/util", {}},
      {"common/config", {"common/util", "common/fsm"}},
      {"common/process", {"common/util"}},
      {"common/pg", {"common/util"}},
      {"common/tls", {"common/util", "common/config"}},
      {"common/postgres", {"common/util", "common/config", "common/fsm", "common/pg", "common/process", "common/tls"}},
      {"common/protocol", {"common/util", "common/config", "common/fsm"}},
      {"common/http", {"common/util", "common/protocol"}},
      {"common/monitor_client",
       {"common/util", "common/config", "common/fsm", "common/http", "common/pg", "common/protocol", "common/tls"}},

      // What decides: values in, values out.
      {"common/fsm", {}},
      {"monitor/fsm", {"common/fsm"}},
      {"monitor/engine", {"monitor/fsm", "common/fsm", "common/protocol", "common/config", "common/util"}},
      {"keeper/core", {"common/fsm", "common/protocol", "common/util"}},

      // What acts, around it.
      {"monitor/store", {"monitor/engine", "common/*"}},
      {"monitor/probe", {"monitor/engine", "common/*"}},
      {"monitor/service", {"monitor/engine", "monitor/probe", "common/*"}},
      {"monitor/api", {"monitor/service", "common/*"}},
      {"monitor", {"monitor/api", "monitor/service", "monitor/store", "common/*"}},
      {"keeper/postgres", {"keeper/core", "common/*"}},
      {"keeper/citus", {"keeper/core", "keeper/postgres", "common/*"}},
      {"keeper/agent", {"keeper/citus", "keeper/core", "keeper/postgres", "common/*"}},
      {"lab", {"common/*"}},

      // What people type and see.
      {"cli/output", {"monitor/fsm", "keeper/core", "keeper/postgres", "common/*"}},
      {"cli/demo", {"cli/output", "lab", "common/*"}},
      {"cli",
       {"cli/demo", "cli/output", "keeper/agent", "keeper/core", "keeper/postgres", "monitor", "monitor/fsm",
        "monitor/service", "common/*"}},
  };
  return table;
}

}  // namespace autoctl::tidy
