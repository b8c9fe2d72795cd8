// Of several keepers that say to be one node, one is (docs/operations/twins.md).
#pragma once

#include "monitor/engine/environment.h"
#include "monitor/engine/ledger.h"
#include "monitor/engine/model.h"

namespace autoctl::monitor {

class Twins {
 public:
  /// All must outlive it.
  Twins(Ledger& ledger, const Model& model, const Environment& env) : ledger_(ledger), model_(model), env_(env) {}

  /// Whether the report is from the keeper that is this node, or that becomes it now. Errors: conflict (overtaken by a
  /// newer report), twin. Nothing else of a report that is refused may be looked at.
  Result<> identify(const Group& group, Node& node, const protocol::Report& report);

 private:
  void becomes(Node& node, const protocol::Report& report);
  tl::unexpected<Error> refuse(const Group& group, Node& node, const protocol::Report& report, std::string why);
  bool is_gone(const Group& group, const Node& node) const;

  Ledger& ledger_;
  const Model& model_;
  const Environment& env_;
};

/// For people: the twin that was heard a moment ago; empty if there is none.
std::string twin_of(const Node& node, TimePoint now);

}  // namespace autoctl::monitor
