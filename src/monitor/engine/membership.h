// Nodes come and go, and get other settings.
#pragma once

#include "monitor/engine/access.h"
#include "monitor/engine/admission.h"
#include "monitor/engine/environment.h"
#include "monitor/engine/ledger.h"
#include "monitor/engine/model.h"
#include "monitor/engine/returning.h"
#include "monitor/engine/settler.h"
#include "monitor/engine/tokens.h"

namespace autoctl::monitor {

class Membership {
 public:
  /// All must outlive it.
  Membership(Model& model, Ledger& ledger, Settler& settler, Suspects& suspects, Returning& returning,
             const Tokens& tokens, const Access& access, const Admission& admission, const Environment& env)
      : model_(model),
        ledger_(ledger),
        settler_(settler),
        suspects_(suspects),
        returning_(returning),
        tokens_(tokens),
        access_(access),
        admission_(admission),
        env_(env) {}

  /// A join token has one node less left in the same transaction. Errors: those of plan_registration(), denied,
  /// unavailable.
  Result<protocol::RegisterAnswer> add(protocol::RegisterRequest request, const Caller& caller);
  /// `allow_data_loss`: also one that may have acknowledged what no other node has. Errors: not_found, denied,
  /// unavailable, conflict.
  Result<> drop(NodeId id, bool allow_data_loss, const Caller& caller);
  /// What an operator may set of one node (node_settings.h); answers with all of it. Errors: not_found, bad_usage,
  /// conflict, denied, unavailable.
  Result<protocol::SettingsDocument> change(NodeId id, const protocol::SettingsDocument& changes, const Caller& caller);

  /// May the node that is registered at `host` have another certificate? Said as an event. Errors: not_found, denied, twin,
  /// unavailable, conflict (another host).
  Result<> certify(NodeId id, const std::string& host, const Caller& caller);

 private:
  Result<> drop_again(Group& group, const Node& node, const By& by);
  Result<> drop_member(Group& group, const Node& node, bool allow_data_loss, const Caller& caller);

  Model& model_;
  Ledger& ledger_;
  Settler& settler_;
  Suspects& suspects_;
  Returning& returning_;
  const Tokens& tokens_;
  const Access& access_;
  const Admission& admission_;
  const Environment& env_;
};

}  // namespace autoctl::monitor
