#pragma once

#include <string>

#include "common/util/result.h"

namespace autoctl {

/// Makes it durable that entries of this directory were made, renamed or removed. Errors: system.
Result<> sync_directory(const std::string& path);

}  // namespace autoctl
