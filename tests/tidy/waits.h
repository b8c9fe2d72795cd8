// Each function that waits for something outside has a row in docs/waits.md: for how long, and what is said then.
#pragma once

#include <string>
#include <vector>

#include "source_tree.h"

namespace autoctl::tidy {

/// Functions of src/ that sleep, poll or wait and have no row, and rows whose function does not wait or is gone. The lab,
/// with which tests and the demonstration drive a cluster, is left out.
std::vector<Finding> undocumented_waits(const std::vector<SourceFile>& files, const std::string& table_path);

}  // namespace autoctl::tidy
