// Which credential allows what.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "monitor/engine/model.h"

namespace autoctl::monitor {

class Access {
 public:
  /// One-way: the store has credentials only in this form.
  using Hash = std::function<std::string(std::string_view)>;

  /// `open`: --auth trust, where operators and readers need no credential. Nodes always do.
  Access(bool open, std::string operator_token, Hash hash);

  std::string hash_of(const std::string& credential) const { return hash_(credential); }

  // Errors of all: denied.
  Result<> operate(const std::string& bearer) const;
  Result<> act_as(const Node& node, const std::string& bearer) const;
  /// Of which formation a reader is told who asks for `formation`: that one; for a node's credential its own, whether it
  /// names that or none. "" = all.
  Result<std::string> look(const Model& model, const std::string& bearer, const std::string& formation) const;

 private:
  bool is_operator(const std::string& bearer) const;

  bool open_;
  std::string operator_token_;
  Hash hash_;
};

}  // namespace autoctl::monitor
