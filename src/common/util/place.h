// Where a directory is: two that are at one place are the same directory, and a copy is at another.
#pragma once

#include <string>

namespace autoctl {

/// Words for the machine (its id and the addresses of its network cards) and for the directory on its disk. They stay the
/// same over a restart of the machine. They change when the directory is copied or restored file by file, and when the
/// machine or its disk is cloned or moved. What cannot be read is left out.
std::string place_of(const std::string& directory);

}  // namespace autoctl
