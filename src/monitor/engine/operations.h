// What operators ask of a group: switchover, promotion, forced failover, an accepted timeline, maintenance. One at a
// time for each group.
#pragma once

#include <string>

#include "monitor/engine/admission.h"
#include "monitor/engine/environment.h"
#include "monitor/engine/ledger.h"
#include "monitor/engine/model.h"
#include "monitor/engine/settler.h"

namespace autoctl::monitor {

class Operations {
 public:
  /// All must outlive it.
  Operations(Model& model, Ledger& ledger, Settler& settler, const Admission& admission, const Environment& env)
      : model_(model), ledger_(ledger), settler_(settler), admission_(admission), env_(env) {}

  /// Answers when it has begun. Errors: bad_usage (no such operation, or wrong details), denied, not_found, conflict,
  /// unavailable.
  Result<protocol::OperationDocument> start(const protocol::OperationRequest& request, const Caller& caller);

 private:
  Result<> admit_hand_over(const Group& group, const std::string& name) const;
  Result<> admit(const Group& group, OperationKind kind) const;
  Result<protocol::OperationDocument> begin(Group& group, OperationRow operation, const std::string& event,
                                            const By& by);

  Model& model_;
  Ledger& ledger_;
  Settler& settler_;
  const Admission& admission_;
  const Environment& env_;
};

}  // namespace autoctl::monitor
