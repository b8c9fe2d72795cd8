// What runs on this machine, from /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/fsm/types.h"

namespace autoctl::lab {

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  std::string name;
  Millis cpu_time{0};  // user and system, its own and that of its children that have been reaped
  std::int64_t resident_bytes = 0;
};

/// nullopt when there is none, or only its zombie.
std::optional<Process> find_process(pid_t pid);
/// `root` and everything below it, parents first, without zombies; `except` and what is below it is left out.
std::vector<Process> process_tree(pid_t root, std::optional<pid_t> except = std::nullopt);

/// `condition` turned true before `timeout` passed; it is asked every 20 ms.
bool eventually(Millis timeout, const std::function<bool()>& condition);

}  // namespace autoctl::lab
