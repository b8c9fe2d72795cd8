// May a request change something now? This is checked before anything else.
#pragma once

#include <cstdint>
#include <string>

#include "monitor/engine/access.h"
#include "monitor/engine/ledger.h"

namespace autoctl::monitor {

struct Caller {
  std::string bearer;
  std::uint64_t connection = 0;
  std::string links = {};        // of a node that speaks for itself: those that it holds, separated by commas
  std::string elsewhere = {};    // the address of its machine, if that is not the monitor's
  std::string certificate = {};  // whom the certificate that it has shown was issued to, if it has shown one
  Millis waited{0};              // since its request arrived, in this process
};

class Admission {
 public:
  Admission(const Access& access, const Ledger& ledger, const Model& model)
      : access_(access), ledger_(ledger), model_(model) {}

  /// An operator, and a store to write to. Errors: denied, unavailable.
  Result<> change(const Caller& caller) const;
  /// The node itself, or an operator. Errors: denied, twin.
  Result<> speak_for(const Node& node, const Caller& caller) const;
  /// Errors: unavailable.
  Result<> write() const;
  /// Errors: conflict.
  Result<> while_not_paused(const std::string& formation) const;

 private:
  const Access& access_;
  const Ledger& ledger_;
  const Model& model_;
};

/// After a commit that failed: `what` may or may not have happened.
tl::unexpected<Error> in_doubt(const std::string& what, const std::string& hint = {});

}  // namespace autoctl::monitor
