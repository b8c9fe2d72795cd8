// The program has two names, autoctl and pg_autoctl. What it tells people to type begins with the one they called.
#pragma once

#include <string>
#include <string_view>

namespace autoctl {

/// Takes what the program was called as (argv[0]); call once, before any thread starts. Any other name means "autoctl".
void set_program_name(std::string_view called);
/// "autoctl" or "pg_autoctl".
std::string_view program_name();

/// The text with each command in it ("autoctl show state") spelled with program_name(). Names of files, and the word
/// where no command follows, stay.
std::string with_program_name(std::string text);

}  // namespace autoctl
