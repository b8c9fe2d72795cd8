// Which credential is which. What each allows: rights.h.
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

  bool is_open() const { return open_; }
  /// The credential on the monitor's host.
  bool is_operator(const std::string& bearer) const;
  bool is_entry(const std::string& bearer) const;
  /// `certificate`: whom that was issued to that the connection's other side has shown; empty: it has shown none.
  /// Errors: denied.
  Result<> act_as(const Node& node, const std::string& bearer, const std::string& certificate) const;

 private:
  bool open_;
  std::string operator_token_;
  Hash hash_;
  IsEntry is_entry_;
};

}  // namespace autoctl::monitor
