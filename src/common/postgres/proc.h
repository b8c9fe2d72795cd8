// What /proc says about other processes. It may be outdated as soon as it is read; with a pidfd taken *before*, it is
// certain.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace autoctl::postgres::proc {

struct Stat {
  std::string name;  // at most 15 characters
  char state = '?';  // R, S, D, Z, T, …
  pid_t parent = 0;
  std::uint64_t cpu_ticks = 0;
};
std::optional<Stat> stat(pid_t pid);
/// By name only: a server's process or one of its children, alive.
bool is_postgres(pid_t pid);

std::string command_line(pid_t pid);  // arguments joined with blanks; "" for a zombie
/// Its working directory is `directory` (by device and inode, so that symbolic links do not matter).
bool works_in(pid_t pid, const std::string& directory);
/// It sleeps with no signal pending: every signal that was sent before has reached its handler.
bool idle_and_signalled(pid_t pid);
/// It was stopped by a signal (SIGSTOP), not by a debugger: it does nothing until it is continued.
bool is_stopped(pid_t pid);
/// What it has done so far; equal twice: nothing in between.
struct Activity {
  char state = '?';            // as in Stat; '?' when it cannot be read
  std::uint64_t switches = 0;  // how often it was given, and gave up, a processor
};
Activity activity(pid_t pid);
/// Bytes that really went to or came from storage; 0 when not allowed to know.
std::uint64_t storage_bytes(pid_t pid);
/// The number that was given last to a process or a thread. As long as it is the same, no process has begun. nullopt where
/// this machine does not say.
std::optional<pid_t> last_given();
/// The processes of this user: those of a server always are.
std::vector<pid_t> own();

}  // namespace autoctl::postgres::proc
