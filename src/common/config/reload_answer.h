// What a daemon says about a reload, for the command that asked for it.
#pragma once

#include <string>
#include <vector>

#include "common/config/config.h"

namespace autoctl::config {

/// One line for each key of which `before` and `now` differ: "postgresql.listen: * → 127.0.0.1".
std::vector<std::string> differences(const Config& before, const Config& now);

/// In a file of its own; an older answer goes. Errors: system.
Result<> answer_reload(const Files& files, const std::vector<std::string>& lines);
/// Before a daemon is asked: its answer is the next one.
void forget_reload_answer(const Files& files);
/// Errors: not_found while there is none.
Result<std::string> read_reload_answer(const Files& files);

}  // namespace autoctl::config
