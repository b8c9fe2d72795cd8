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

  /// Is this what autoctl.api_endpoint() hands out, now or a moment ago? It is another one every few minutes.
  using IsEntry = std::function<bool(std::string_view)>;

  /// `open`: --auth trust, where operators and readers need no credential. Nodes always do.
  Access(bool open, std::string operator_token, Hash hash, IsEntry is_entry = {});

  std::string hash_of(const std::string& credential) const { return hash_(credential); }
  /// Takes equally long wherever the two differ.
  static bool equal(std::string_view a, std::string_view b);

  bool is_operator(const std::string& bearer) const;
  // Errors of all: denied.
  Result<> operate(const std::string& bearer) const;
  /// Register a node, by no join token: an operator, or who was let in by the monitor's Postgres.
  Result<> enter(const std::string& bearer) const;
  /// `certificate`: whom that was issued to that the connection's other side has shown; empty: it has shown none.
  Result<> act_as(const Node& node, const std::string& bearer, const std::string& certificate) const;
  /// Of which formation a reader is told who asks for `formation`: that one; for a node's credential its own, whether it
  /// names that or none. "" = all.
  Result<std::string> look(const Model& model, const std::string& bearer, const std::string& certificate,
                           const std::string& formation) const;

 private:
  bool is_entry(const std::string& bearer) const;
  bool belongs_to(const Node& node, const std::string& bearer) const;

  bool open_;
  std::string operator_token_;
  Hash hash_;
  IsEntry is_entry_;
};

}  // namespace autoctl::monitor
