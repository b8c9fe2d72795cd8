// Whose credential is that, and where does it hold?
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "common/util/result.h"
#include "monitor/engine/access.h"
#include "monitor/engine/model.h"
#include "monitor/engine/rights.h"

namespace autoctl::monitor {

using WallTime = std::chrono::system_clock::time_point;

struct Identity {
  Role role = Role::nobody;
  std::string name;                     // for events and refusals; empty: nobody's
  std::vector<std::string> formations;  // it holds in these only; empty: in all
  std::string ended;                    // of a token that is good for nothing any more: "expired"

  bool covers(const std::string& formation) const;
};

/// With --auth trust everybody is an admin, but for who shows a token: its terms hold. `certificate`: whom that was issued
/// to that the connection's other side has shown; empty: it has shown none.
Identity identify(const Model& model, const Access& access, const std::string& bearer, const std::string& certificate,
                  WallTime now);

/// The token with this secret, or nullptr.
const TokenRow* find_token(const Model& model, const Access& access, const std::string& secret);

/// Of the tokens that have this role: protocol::join_role, …
Role role_of(const std::string& role);
/// Why it is good for nothing any more; empty while it is valid.
std::string end_of(const TokenRow& token, WallTime now);
/// For events: `join token 3`, `operator token 4 "alice"`.
std::string name_of(const TokenRow& token);
/// "formation 'a', group 2", "formations 'a', 'b'", "all formations".
std::string place_of(const TokenRow& token);

/// Says why it is not allowed. Its code is denied.
Error refusal(const Identity& who, const std::string& bearer);
/// Of who has the right, but not in this formation; "" = in all of them. Its code is denied.
Error refusal_in(const Identity& who, const std::string& formation);

}  // namespace autoctl::monitor
