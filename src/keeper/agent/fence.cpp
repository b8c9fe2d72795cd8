#include "keeper/agent/fence.h"

#include <spdlog/spdlog.h>

namespace autoctl::keeper {

Fence::Fence(Board& board, Instance& instance) : board_(board), instance_(instance), thread_([this] { watch(); }) {}

Fence::~Fence() {
  thread_.join();
}

void Fence::watch() {
  while (board_.await_fence()) {
    instance_.kill_now();  // first the act, then the words
    board_.set_fenced();
    if (board_.is_refused())
      spdlog::error("No Postgres runs here any more: another keeper is this node");
    else
      spdlog::error(
          "Fenced: no answer from the monitor, and no streaming standby that makes up for it; stopped Postgres so that "
          "no client reads or writes on a primary that may have been replaced");
  }
}

}  // namespace autoctl::keeper
