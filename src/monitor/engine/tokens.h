// Credentials that admins make for others, each for a role and until its end. A join token registers so many nodes in one
// formation, or one of its groups; the others are operators' (rights.h).
#pragma once

#include <cstdint>
#include <optional>

#include "common/protocol/tokens.h"
#include "monitor/engine/admission.h"
#include "monitor/engine/environment.h"
#include "monitor/engine/ledger.h"
#include "monitor/engine/model.h"

namespace autoctl::monitor {

class Tokens {
 public:
  /// All must outlive it.
  Tokens(const Model& model, Ledger& ledger, const Access& access, const Admission& admission, const Environment& env)
      : model_(model), ledger_(ledger), access_(access), admission_(admission), env_(env) {}

  // Errors of these three: denied, unavailable, bad_usage (no reason).
  /// The answer has the secret, which is on record as a hash only. Errors: bad_usage, not_found (formation), conflict
  /// (too many).
  Result<protocol::TokenDocument> create(const protocol::TokenRequest& request, const Caller& caller);
  /// By id.
  Result<protocol::TokensDocument> list(const Caller& caller) const;
  /// It ends now. One that has ended stays as it is. Errors: not_found.
  Result<protocol::TokenDocument> revoke(std::int64_t id, const Caller& caller);

  /// May the caller register this node? With a join token: yes as far as the token goes, also where everybody may;
  /// then this is the token as it is afterwards, for the transaction that registers the node. A token for one group
  /// says which. Changes nothing itself. Errors: denied, unavailable.
  Result<std::optional<TokenRow>> admit(protocol::RegisterRequest& request, const Caller& caller) const;

 private:
  const Model& model_;
  Ledger& ledger_;
  const Access& access_;
  const Admission& admission_;
  const Environment& env_;
};

}  // namespace autoctl::monitor
