// A base backup brings what is in PGDATA. A node whose configuration lies elsewhere keeps a copy of it in PGDATA, in
// autoctl-configuration/, so that a standby that is copied from it begins with the user's settings and HBA lines.
#pragma once

#include <string>

#include "common/util/result.h"
#include "keeper/postgres/layout.h"

namespace autoctl::keeper {

/// Brings the copy up to date, where the configuration is outside PGDATA. Errors: system.
Result<> carry_configuration(const Layout& layout);

/// Texts of the files that a copy begins with; empty where it brought none.
struct CarriedFiles {
  std::string settings, hba, ident;
};
/// What names files that this machine does not have is left as a comment.
CarriedFiles carried_files(const std::string& pgdata);

}  // namespace autoctl::keeper
