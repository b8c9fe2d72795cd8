// One authority after the other, while all go on. Both are believed by all before the new one issues, and until nobody
// shows what the old one has issued.
#pragma once

#include <string>

#include "common/config/files.h"
#include "common/util/result.h"

namespace autoctl::monitor {

/// How far it is shows from the files in <pgdata>.autoctl/ca alone: it may be cut short at any moment, and goes on from
/// there. Of one thread; all errors are system, and what else is said.
class AuthorityChange {
 public:
  enum class Phase : unsigned char {
    none,
    introducing,  // next.crt is there: the new one is to be believed by all
    reissuing,    // former.crt is there: the new one issues, and all are to have its certificates
  };

  explicit AuthorityChange(config::Files files) : files_(std::move(files)) {}

  Phase phase() const;
  /// Makes the new authority. Errors: conflict (a change is under way; the old one's key is kept elsewhere), internal.
  Result<> begin() const;
  /// When all believe both: from now on the new one issues.
  Result<> switch_over() const;
  /// When nobody shows what the old one has issued: it is no longer believed.
  Result<> finish() const;
  /// Completes what was cut short, and writes down who is believed if that is not there already.
  Result<> settle() const;

 private:
  config::Files files_;
};

}  // namespace autoctl::monitor
