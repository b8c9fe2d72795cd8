// Who may include whom. A library's headers are its promise: what is below knows nothing of what is above.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "source_tree.h"

namespace autoctl::tidy {

/// A directory of src and the directories whose headers its files may include (its own always). "a/*" is every
/// directory below a. A directory without a row belongs to the one above it.
using Directions = std::map<std::string, std::set<std::string>>;

/// Those of this project: docs/architecture.md says why.
const Directions& directions();

/// Includes that the directions do not allow, headers that include each other, directions that go in a circle, and
/// includes of test code by the program.
std::vector<Finding> wrong_includes(const std::vector<SourceFile>& files, const Directions& allowed);

}  // namespace autoctl::tidy
