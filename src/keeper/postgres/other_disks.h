// What of a data directory lies elsewhere, through links: pg_wal and tablespaces. A copy puts them on the same disks as
// before, beside what is there, which goes only when the copy is complete.
#pragma once

#include <string>
#include <vector>

#include "common/config/config.h"
#include "common/util/result.h"

namespace autoctl::keeper {

/// One tablespace of the server that is copied.
struct Tablespace {
  std::string oid;
  std::string location;  // there
};

class OtherDisks {
 public:
  /// Looks at the links of config.pgdata, which may be missing; where they do not tell, waldir and tablespace_mapping do.
  /// Changes nothing.
  OtherDisks(const config::Config& config, const std::vector<Tablespace>& tablespaces);

  /// Of pg_basebackup. Empties the places that it names: they hold at most what an earlier copy left. Errors: system.
  Result<std::vector<std::string>> options() const;
  /// The copy is in place: removes what the old data directory had there. What cannot be removed is left, with a warning.
  void remove_old() const;
  /// There is no copy: removes what was begun.
  void discard() const;

 private:
  struct Move {
    std::string location;  // of the server that is copied; empty: pg_wal
    std::string from;      // what the old data directory uses; empty: nothing
    std::string to;
  };
  std::vector<Move> moves_;
};

}  // namespace autoctl::keeper
