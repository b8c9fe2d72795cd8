// The exit codes of autoctl; scripts rely on them. docs/exit-codes.md describes each.
#pragma once

#include "common/util/result.h"

namespace autoctl {

enum class ExitCode : int {
  ok = 0,
  internal = 1,       // a mistake in autoctl
  not_here = 1,       // a command of pg_autoctl's for which there is no place here; the message says what to type
  bad_usage = 2,      // wrong options or arguments; nothing was changed
  bad_config = 3,     // autoctl.toml or another file of ours is missing, unreadable or contradicts itself
  conflict = 4,       // the present state forbids it
  unavailable = 5,    // the monitor or a node did not answer
  timeout = 6,        // it did not happen in time; it may still happen
  denied = 7,         // credential, certificate or file permission
  not_found = 8,      // no such node, group, formation, file or setting
  incompatible = 9,   // other protocol version or unsupported Postgres
  system = 10,        // the operating system refused
  postgres = 11,      // Postgres or one of its tools failed
  not_running = 12,   // status, stop, reload: no daemon runs for this data directory
  unhealthy = 13,     // status, config check: something is wrong
  dropped = 14,       // run: this node was dropped; systemd does not start it again
  twin = 15,          // another instance is the node that this one says to be
  interrupted = 130,  // Ctrl-C
};

constexpr ExitCode exit_code(Errc code) {
  switch (code) {
    case Errc::bad_usage: return ExitCode::bad_usage;
    case Errc::bad_config: return ExitCode::bad_config;
    case Errc::conflict: return ExitCode::conflict;
    case Errc::twin: return ExitCode::twin;
    case Errc::unavailable: return ExitCode::unavailable;
    case Errc::timeout: return ExitCode::timeout;
    case Errc::denied: return ExitCode::denied;
    case Errc::not_found: return ExitCode::not_found;
    case Errc::incompatible: return ExitCode::incompatible;
    case Errc::system: return ExitCode::system;
    case Errc::postgres: return ExitCode::postgres;
    case Errc::internal: return ExitCode::internal;
  }
  return ExitCode::internal;
}

}  // namespace autoctl
