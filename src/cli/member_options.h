// One member of a group, by its role or its name: for commands that talk to it, or tell where it is.
#pragma once

#include "cli/options.h"
#include "cli/output/members.h"

namespace autoctl::cli {

struct MemberOptions {
  MonitorTarget target;
  Scope scope;
  MemberChoice choice;
};

void declare_member(Verb command, MemberOptions& options);

/// Asks the monitor. Errors: those of choose_member(); bad_usage (a role of a formation of several groups, and no group);
/// of the monitor.
Result<protocol::NodeDocument> find_member(const MemberOptions& options);

}  // namespace autoctl::cli
