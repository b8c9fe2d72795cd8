// Who this keeper is, on disk, and the thread that keeps that up to date (docs/operations/twins.md).
#pragma once

#include <string>
#include <thread>

#include "common/config/files.h"
#include "common/util/result.h"
#include "keeper/agent/board.h"

namespace autoctl::keeper {

/// What was saved last; an empty chain if nothing was. Errors: system, bad_config.
Result<protocol::Instance> load_instance(const config::Files& files);
/// Errors: system.
Result<> save_instance(const config::Files& files, const protocol::Instance& instance);
/// All links that the monitor may know, the newest one first, separated by commas: a command's proof that it speaks for
/// the node. Empty if none was saved or can be read.
std::string links_of(const config::Files& files);

/// The chain of a keeper that starts, with its first link on disk. Errors: system, bad_config.
Result<InstanceChain> begin_chain(const config::Files& files);

/// A thread of its own: the worker never waits for this file.
class Scribe {
 public:
  /// Both must outlive it. Board::stop() ends it.
  Scribe(Board& board, const config::Files& files);
  ~Scribe();

 private:
  void write();

  Board& board_;
  const config::Files& files_;
  std::thread thread_;
};

}  // namespace autoctl::keeper
