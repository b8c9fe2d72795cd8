// Formations are made and dropped by operators, and have settings; `default` is always there.
#pragma once

#include <string>

#include "monitor/engine/admission.h"
#include "monitor/engine/environment.h"
#include "monitor/engine/ledger.h"
#include "monitor/engine/model.h"
#include "monitor/engine/settler.h"

namespace autoctl::monitor {

class Formations {
 public:
  /// All must outlive it.
  Formations(Model& model, Ledger& ledger, Settler& settler, const Admission& admission, const Environment& env)
      : model_(model), ledger_(ledger), settler_(settler), admission_(admission), env_(env) {}

  // Errors of all: denied, unavailable.
  /// Errors: bad_usage, conflict.
  Result<protocol::FormationDocument> create(const protocol::FormationDocument& document, const Caller& caller);
  /// Errors: not_found, conflict.
  Result<> drop(const std::string& name, const Caller& caller);
  /// Errors: not_found, bad_usage, conflict.
  Result<protocol::SettingsDocument> change(const protocol::SettingsDocument& document, const Caller& caller);

 private:
  Model& model_;
  Ledger& ledger_;
  Settler& settler_;
  const Admission& admission_;
  const Environment& env_;
};

}  // namespace autoctl::monitor
