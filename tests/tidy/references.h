// What docs and comments point at is there.
#pragma once

#include <vector>

#include "source_tree.h"

namespace autoctl::tidy {

/// In Markdown: links and anchors that lead nowhere. In Markdown and in comments: files of this tree that do not exist,
/// named by path (src/…, docs/…) or by bare name. The change log may speak of what is gone.
std::vector<Finding> dead_references(const std::vector<SourceFile>& files);

}  // namespace autoctl::tidy
