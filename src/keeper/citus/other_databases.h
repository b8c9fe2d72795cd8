// Which other databases of this server have Citus, too: autoctl looks after one. The catalog that tells can only be read
// inside the database, and Citus' own daemon runs there only once somebody has used it since the server's start. So each
// database is asked when it is new, and they are asked in turn afterwards.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/fsm/types.h"
#include "common/pg/connection.h"
#include "keeper/postgres/session.h"

namespace autoctl::keeper::citus {

class OtherDatabases {
 public:
  /// Asks at most one database; `here` is a session in the one that is looked after. Blocks for some seconds where the
  /// server does not answer. What cannot be found out stays as it was.
  void look(const Session& session, pg::Connection& here, TimePoint now);
  /// By name.
  std::vector<std::string> with_citus() const;

 private:
  /// Empty: nobody's turn.
  std::string next(TimePoint now) const;

  std::map<std::string, bool> has_citus_;  // of those that were asked
  std::vector<std::string> names_;         // of all that let somebody in, sorted
  std::string asked_last_;
  TimePoint asked_at_;
};

}  // namespace autoctl::keeper::citus
