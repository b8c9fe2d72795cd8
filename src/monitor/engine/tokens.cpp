#include "monitor/engine/tokens.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace autoctl::monitor {

namespace {

using WallTime = std::chrono::system_clock::time_point;

constexpr Millis ttl_min{1'000};
constexpr Millis ttl_max{std::chrono::hours(24 * 30)};
constexpr int nodes_max = 10'000;
constexpr GroupId group_max = 10'000;
constexpr std::size_t tokens_max = 1'000;
/// How long after its time one that has ended is on record.
constexpr std::chrono::hours remembered{1};

/// Why it is good for nothing any more; empty when it is valid.
std::string end_of(const TokenRow& token, WallTime now) {
  if (token.revoked) return "revoked";
  if (token.nodes_left <= 0) return "used up";
  if (token.expires_at <= now) return "expired";
  return {};
}

protocol::TokenDocument document_of(const TokenRow& token, WallTime now) {
  const std::string end = end_of(token, now);
  return {.id = token.id,
          .role = token.role,
          .formation = token.formation,
          .group = token.group,
          .nodes_left = token.nodes_left,
          .state = end.empty() ? "valid" : end,
          .expires = event_time(token.expires_at),
          .made = event_time(token.made_at),
          .made_by = token.made_by};
}

std::string who(const Caller& caller) {
  return caller.elsewhere.empty() ? "an operator on the monitor's machine" : "an operator at " + caller.elsewhere;
}

std::string number_of_nodes(int count) {
  return std::to_string(count) + (count == 1 ? " node" : " nodes");
}

std::string place_of(const TokenRow& token) {
  return "formation '" + token.formation + "'" + (token.group ? ", group " + std::to_string(*token.group) : "");
}

Result<> check(const Model& model, const protocol::TokenRequest& request) {
  if (request.role != protocol::join_role)
    return fail(Errc::bad_usage, "role: there is no role '" + request.role + "'", "the one role is 'join'");
  if (request.nodes < 1 || request.nodes > nodes_max)
    return fail(Errc::bad_usage, "nodes: it must be from 1 to " + std::to_string(nodes_max));
  if (request.ttl < ttl_min || request.ttl > ttl_max)
    return fail(Errc::bad_usage, "ttl: it must be from 1 second to 30 days");
  if (request.group && (*request.group < 0 || *request.group > group_max))
    return fail(Errc::bad_usage, "group: it must be from 0 to " + std::to_string(group_max));
  if (request.formation != default_formation && !model.formations.contains(request.formation))
    return fail(no_such_formation(request.formation));
  return {};
}

/// Not what a refusal should still explain.
std::vector<std::int64_t> long_ended(const Model& model, WallTime now) {
  std::vector<std::int64_t> ids;
  for (const auto& [id, token] : model.tokens)
    if (token.expires_at + remembered < now) ids.push_back(id);
  return ids;
}

std::size_t valid_tokens(const Model& model, WallTime now) {
  return static_cast<std::size_t>(
      std::ranges::count_if(model.tokens, [now](const auto& entry) { return end_of(entry.second, now).empty(); }));
}

}  // namespace

std::string name_of(const TokenRow& token) {
  return token.role + " token " + std::to_string(token.id);
}

Result<protocol::TokenDocument> Tokens::create(const protocol::TokenRequest& request, const Caller& caller) {
  AUTOCTL_TRY(admission_.change(caller));
  AUTOCTL_TRY(check(model_, request));
  const WallTime now = env_.wall();
  if (valid_tokens(model_, now) >= tokens_max)
    return fail(Errc::conflict, "there are " + std::to_string(tokens_max) + " valid tokens already",
                "revoke some: `autoctl token list` shows them");
  const std::string secret = env_.random_token();
  TokenRow token;
  // The newest row is never removed before a newer one is there, so no id is given twice.
  token.id = model_.tokens.empty() ? 1 : model_.tokens.rbegin()->first + 1;
  token.formation = request.formation;
  token.group = request.group;
  token.sha256 = access_.hash_of(secret);
  token.nodes_left = request.nodes;
  token.made_by = who(caller);
  token.made_at = now;
  token.expires_at = now + request.ttl;

  Change change;
  change.removed_tokens = long_ended(model_, now);
  change.tokens.push_back(token);
  change.events.push_back(ledger_.event("operator", name_of(token) + " is made by " + token.made_by + ": for " +
                                                        number_of_nodes(token.nodes_left) + " of " + place_of(token) +
                                                        ", until " + event_time(token.expires_at)));
  change.events.back().formation = token.formation;
  change.events.back().group = token.group.value_or(0);
  if (!ledger_.commit(std::move(change)))
    return in_doubt("the token may or may not be there", "make another one in a moment, and revoke that one");
  auto document = document_of(token, now);
  document.secret = secret;
  return document;
}

Result<protocol::TokensDocument> Tokens::list(const Caller& caller) const {
  AUTOCTL_TRY(access_.operate(caller.bearer));
  protocol::TokensDocument document;
  for (const auto& [id, token] : model_.tokens) document.tokens.push_back(document_of(token, env_.wall()));
  return document;
}

Result<protocol::TokenDocument> Tokens::revoke(std::int64_t id, const Caller& caller) {
  AUTOCTL_TRY(admission_.change(caller));
  const auto found = model_.tokens.find(id);
  if (found == model_.tokens.end())
    return fail(Errc::not_found, "there is no token " + std::to_string(id),
                "`autoctl token list` shows those there are");
  TokenRow token = found->second;
  if (!end_of(token, env_.wall()).empty()) return document_of(token, env_.wall());
  token.revoked = true;
  Change change;
  change.tokens.push_back(token);
  change.events.push_back(ledger_.event("operator", name_of(token) + " is revoked by " + who(caller)));
  change.events.back().formation = token.formation;
  change.events.back().group = token.group.value_or(0);
  if (!ledger_.commit(std::move(change)))
    return in_doubt("the token may or may not be revoked", "try again in a moment");
  return document_of(token, env_.wall());
}

/// Its hash stands in for it: how long the search takes tells nothing of any secret.
const TokenRow* Tokens::find(const std::string& secret) const {
  if (secret.empty()) return nullptr;
  const std::string hash = access_.hash_of(secret);
  for (const auto& [id, token] : model_.tokens)
    if (Access::equal(token.sha256, hash)) return &token;
  return nullptr;
}

Result<std::optional<TokenRow>> Tokens::admit(protocol::RegisterRequest& request, const Caller& caller) const {
  const TokenRow* token = find(caller.bearer);
  if (token == nullptr) {
    AUTOCTL_TRY(access_.enter(caller.bearer));
    AUTOCTL_TRY(admission_.write());
    return std::nullopt;
  }
  const auto refuse = [](const std::string& why) {
    return fail(Errc::denied, why, "`autoctl token create` on the monitor's host makes another one");
  };
  const std::string end = end_of(*token, env_.wall());
  if (!end.empty()) return refuse(name_of(*token) + " is " + end);
  if (token->role != protocol::join_role) return refuse(name_of(*token) + " lets no node join");
  if (request.formation != token->formation || (request.group && token->group && *request.group != *token->group))
    return refuse(name_of(*token) + " is for " + place_of(*token) + ", and no other");
  AUTOCTL_TRY(admission_.write());
  if (token->group) request.group = token->group;
  TokenRow used = *token;
  --used.nodes_left;
  return used;
}

}  // namespace autoctl::monitor
