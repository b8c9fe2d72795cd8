// How a group's timelines followed each other, and why. Pure.
#pragma once

#include <vector>

#include "cli/output/sheet.h"
#include "common/protocol/protocol.h"

namespace autoctl::cli {

/// One row for each timeline that has ended, oldest first: where it ended, who took over, when and why. `nodes` are of one
/// group; the history is the primary's, else that of the node with the highest timeline. `events` are that group's,
/// oldest first; what they do not tell any more (another monitor, say) is left empty.
Sheet history_sheet(const std::vector<protocol::NodeDocument>& nodes,
                    const std::vector<protocol::EventDocument>& events);

}  // namespace autoctl::cli
