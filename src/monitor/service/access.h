// Who may do what.
#pragma once

#include <string>
#include <utility>

#include "common/tls/certificate.h"
#include "monitor/service/model.h"

namespace autoctl::monitor {

class Access {
 public:
  /// `open`: --auth trust, where operators and readers need no credential. Nodes always do.
  Access(bool open, std::string operator_token) : open_(open), operator_token_(std::move(operator_token)) {}

  Result<> operate(const std::string& bearer) const {
    if (open_ || is_operator(bearer)) return {};
    return denied(bearer);
  }
  Result<> act_as(const Node& node, const std::string& bearer) const {
    if (!bearer.empty() && tls::equal_constant_time(tls::sha256_hex(bearer), node.row.token_sha256)) return {};
    return fail(Errc::denied, "this is not the credential of node " + std::to_string(node.row.id.value),
                "the file `token` beside the node's data directory has it");
  }
  Result<> look(const Model& model, const std::string& bearer) const {
    if (open_ || is_operator(bearer)) return {};
    const std::string hash = tls::sha256_hex(bearer);
    for (const auto& [key, group] : model.groups)
      for (const auto& [id, node] : group.nodes)
        if (tls::equal_constant_time(hash, node.row.token_sha256)) return {};
    return denied(bearer);
  }

 private:
  bool is_operator(const std::string& bearer) const {
    return !operator_token_.empty() && tls::equal_constant_time(bearer, operator_token_);
  }
  static tl::unexpected<Error> denied(const std::string& bearer) {
    return fail(Errc::denied,
                bearer.empty() ? "this needs the operator's credential" : "this credential does not allow it",
                "give --monitor as the postgres:// URI, or run on the monitor's host as its user");
  }

  bool open_;
  std::string operator_token_;
};

}  // namespace autoctl::monitor
