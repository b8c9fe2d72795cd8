#pragma once

#include <string>

namespace autoctl::keeper {

/// "12345/67890 kB (18%)…", as pg_basebackup and pg_rewind show progress: 18; -1 for any other line.
int percent_in(const std::string& line);

}  // namespace autoctl::keeper
