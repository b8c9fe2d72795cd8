// May a request change something, or look, now? This is checked before anything else; who may act gets a signature for the
// event that says so.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "monitor/engine/access.h"
#include "monitor/engine/environment.h"
#include "monitor/engine/identity.h"
#include "monitor/engine/ledger.h"

namespace autoctl::monitor {

struct Caller {
  std::string bearer;
  std::uint64_t connection = 0;
  std::string links = {};        // of a node that speaks for itself: those that it holds, separated by commas
  std::string elsewhere = {};    // the address of its machine, if that is not the monitor's
  std::string certificate = {};  // whom the certificate that it has shown was issued to, if it has shown one
  Millis waited{0};              // since its request arrived, in this process
  std::string reason = {};       // why, in an operator's words
};

class Admission {
 public:
  /// All must outlive it.
  Admission(const Access& access, const Ledger& ledger, const Model& model, const Environment& env)
      : access_(access), ledger_(ledger), model_(model), env_(env) {}

  // Who may act needs a store to write to, and a reason where a formation wants one (Settings::require_reason). Errors:
  // denied, unavailable, bad_usage (no reason).
  Result<By> operate(const std::string& formation, const Caller& caller) const;
  /// `formations`: those that it is about.
  Result<By> administer(const std::vector<std::string>& formations, const Caller& caller) const;
  /// The node itself, which needs no reason, or who may operate. Errors: twin, too.
  Result<By> speak_for(const Node& node, const Caller& caller) const;
  /// Register a node, by no join token.
  Result<By> enter(const std::string& formation, const Caller& caller) const;

  /// Wherever its credential holds. Errors: denied.
  Result<> may(Right right, const Caller& caller) const;
  /// Of which formation a reader is told who asks for `formation`: that one; of a credential for one formation that one,
  /// whether it names it or none. "" = all. Errors: denied.
  Result<std::string> look(const Caller& caller, const std::string& formation) const;
  /// May it look at this formation?
  bool sees(const Caller& caller, const std::string& formation) const;

  /// Errors: unavailable.
  Result<> write() const;
  /// Errors: conflict.
  Result<> while_not_paused(const std::string& formation) const;
  By signature(const Caller& caller) const;
  /// Is it the node's own credential?
  bool is_itself(const Node& node, const Caller& caller) const;

 private:
  Identity identify(const Caller& caller) const;
  Result<> may(Right right, const std::string& formation, const Caller& caller) const;
  Result<> check_reason(const std::string& formation, const Caller& caller) const;

  const Access& access_;
  const Ledger& ledger_;
  const Model& model_;
  const Environment& env_;
};

/// After a commit that failed: `what` may or may not have happened.
tl::unexpected<Error> in_doubt(const std::string& what, const std::string& hint = {});

}  // namespace autoctl::monitor
