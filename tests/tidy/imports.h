// What a deterministic library may ask of the world: memory, strings, containers. No clock, chance, socket, file or thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "source_tree.h"

namespace autoctl::tidy {

/// Whether a library that decides may use this symbol, as `nm --demangle` writes it.
bool may_import(const std::string& symbol);

/// Symbols that `library` neither defines nor finds in `others` and that may_import() does not know. A library that nm
/// cannot read is a finding, too.
std::vector<Finding> forbidden_imports(const std::filesystem::path& library,
                                       const std::vector<std::filesystem::path>& others);

}  // namespace autoctl::tidy
