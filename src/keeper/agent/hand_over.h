// Before a primary's keeper stops, another node takes over.
#pragma once

#include <signal.h>

#include "common/config/config.h"
#include "keeper/agent/board.h"

namespace autoctl::keeper {

/// Asks the monitor for a switchover and waits until this node has been told to follow another one, while its worker
/// and its reports go on. Returns at once where no node can take over, and as soon as that shows; after a while,
/// or at another of `signals`, in any case.
void hand_over(const Board& board, const config::Config& config, const config::Files& files, const sigset_t& signals);

}  // namespace autoctl::keeper
