#include "monitor/engine/tokens.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace autoctl::monitor {

namespace {

constexpr Millis ttl_min{1'000};
constexpr Millis join_ttl_max{std::chrono::hours(24 * 30)};
constexpr Millis ttl_max{std::chrono::hours(24 * 366)};
constexpr int nodes_max = 10'000;
constexpr GroupId group_max = 10'000;
constexpr std::size_t tokens_max = 1'000;
/// How long after its time one that has ended is on record.
constexpr std::chrono::hours remembered{1};

protocol::TokenDocument document_of(const TokenRow& token, WallTime now) {
  const std::string end = end_of(token, now);
  return {.id = token.id,
          .role = token.role,
          .label = token.label,
          .formations = token.formations,
          .group = token.group,
          .nodes_left = token.nodes_left,
          .state = end.empty() ? "valid" : end,
          .expires = event_time(token.expires_at),
          .made = event_time(token.made_at),
          .made_by = token.made_by};
}

std::string purpose_of(const TokenRow& token) {
  if (token.role != protocol::join_role) return "for " + place_of(token);
  const int nodes = token.nodes_left;
  return "for " + std::to_string(nodes) + (nodes == 1 ? " node of " : " nodes of ") + place_of(token);
}

Result<> check_join(const protocol::TokenRequest& request) {
  if (request.nodes < 1 || request.nodes > nodes_max)
    return fail(Errc::bad_usage, "nodes: it must be from 1 to " + std::to_string(nodes_max));
  if (request.ttl < ttl_min || request.ttl > join_ttl_max)
    return fail(Errc::bad_usage, "ttl: it must be from 1 second to 30 days");
  if (request.group && (*request.group < 0 || *request.group > group_max))
    return fail(Errc::bad_usage, "group: it must be from 0 to " + std::to_string(group_max));
  if (request.formations.size() > 1)
    return fail(Errc::bad_usage, "formations: a join token is for one", "make one for each");
  return {};
}

Result<> check_role(const protocol::TokenRequest& request) {
  const std::string& role = request.role;
  if (role == protocol::join_role) return check_join(request);
  if (role != protocol::viewer_role && role != protocol::operator_role && role != protocol::admin_role)
    return fail(Errc::bad_usage, "role: there is no role '" + role + "'", "roles are: join, viewer, operator, admin");
  if (request.ttl < ttl_min || request.ttl > ttl_max)
    return fail(Errc::bad_usage, "ttl: it must be from 1 second to 366 days");
  if (request.group || request.nodes != 1)
    return fail(Errc::bad_usage, "group and nodes are a join token's, and no " + role + "'s");
  if (role == protocol::operator_role && request.formations.empty())
    return fail(Errc::bad_usage, "formations: an operator's token is for named ones", "name them, or make an admin's");
  if (role == protocol::admin_role && !request.formations.empty())
    return fail(Errc::bad_usage, "formations: an admin's token is for all of them", "make an operator's for some");
  return {};
}

Result<> check(const Model& model, const protocol::TokenRequest& request) {
  AUTOCTL_TRY(check_role(request));
  for (const std::string& formation : request.formations)
    if (formation != default_formation && !model.formations.contains(formation))
      return fail(no_such_formation(formation));
  return {};
}

TokenRow row_of(const protocol::TokenRequest& request) {
  TokenRow token;
  token.role = request.role;
  token.label = request.label;
  token.formations = request.formations;
  std::ranges::sort(token.formations);
  const auto doubles = std::ranges::unique(token.formations);
  token.formations.erase(doubles.begin(), doubles.end());
  token.group = request.group;
  if (token.role != protocol::join_role) return token;
  token.nodes_left = request.nodes;
  if (token.formations.empty()) token.formations = {default_formation};
  return token;
}

/// In the log of its formation, if it is for one.
protocol::EventDocument filed(protocol::EventDocument event, const TokenRow& token) {
  if (token.formations.size() == 1) event.formation = token.formations.front();
  event.group = token.group.value_or(0);
  return event;
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

Result<protocol::TokenDocument> Tokens::create(const protocol::TokenRequest& request, const Caller& caller) {
  TokenRow token = row_of(request);
  const auto by = admission_.administer(token.formations, caller);
  if (!by) return fail(by.error());
  AUTOCTL_TRY(check(model_, request));
  const WallTime now = env_.wall();
  if (valid_tokens(model_, now) >= tokens_max)
    return fail(Errc::conflict, "there are " + std::to_string(tokens_max) + " valid tokens already",
                "revoke some: `autoctl token list` shows them");
  const std::string secret = env_.random_token();
  // The newest row is never removed before a newer one is there, so no id is given twice.
  token.id = model_.tokens.empty() ? 1 : model_.tokens.rbegin()->first + 1;
  token.sha256 = access_.hash_of(secret);
  token.made_by = by->who + ", from " + by->from;
  token.made_at = now;
  token.expires_at = now + request.ttl;

  Change change;
  change.removed_tokens = long_ended(model_, now);
  change.tokens.push_back(token);
  const std::string what =
      name_of(token) + " is made: " + purpose_of(token) + ", until " + event_time(token.expires_at);
  change.events.push_back(filed(ledger_.act(*by, what), token));
  if (!ledger_.commit(std::move(change)))
    return in_doubt("the token may or may not be there", "make another one in a moment, and revoke that one");
  auto document = document_of(token, now);
  document.secret = secret;
  return document;
}

Result<protocol::TokensDocument> Tokens::list(const Caller& caller) const {
  AUTOCTL_TRY(admission_.may(Right::administer, caller));
  protocol::TokensDocument document;
  for (const auto& [id, token] : model_.tokens) document.tokens.push_back(document_of(token, env_.wall()));
  return document;
}

Result<protocol::TokenDocument> Tokens::revoke(std::int64_t id, const Caller& caller) {
  AUTOCTL_TRY(admission_.may(Right::administer, caller));
  const auto found = model_.tokens.find(id);
  if (found == model_.tokens.end())
    return fail(Errc::not_found, "there is no token " + std::to_string(id),
                "`autoctl token list` shows those there are");
  TokenRow token = found->second;
  const auto by = admission_.administer(token.formations, caller);
  if (!by) return fail(by.error());
  if (!end_of(token, env_.wall()).empty()) return document_of(token, env_.wall());
  token.revoked = true;
  Change change;
  change.tokens.push_back(token);
  change.events.push_back(filed(ledger_.act(*by, name_of(token) + " is revoked"), token));
  if (!ledger_.commit(std::move(change)))
    return in_doubt("the token may or may not be revoked", "try again in a moment");
  return document_of(token, env_.wall());
}

Result<std::optional<TokenRow>> Tokens::admit(protocol::RegisterRequest& request, const Caller& caller) const {
  const TokenRow* token = find_token(model_, access_, caller.bearer);
  if (token == nullptr || token->role != protocol::join_role) {
    const auto by = admission_.enter(request.formation, caller);
    if (!by) return fail(by.error());
    return std::nullopt;
  }
  const auto refuse = [](const std::string& why) {
    return fail(Errc::denied, why, "`autoctl token create` on the monitor's host makes another one");
  };
  const std::string end = end_of(*token, env_.wall());
  if (!end.empty()) return refuse(name_of(*token) + " is " + end);
  const bool here = std::ranges::find(token->formations, request.formation) != token->formations.end();
  if (!here || (request.group && token->group && *request.group != *token->group))
    return refuse(name_of(*token) + " is for " + place_of(*token) + ", and no other");
  AUTOCTL_TRY(admission_.write());
  if (token->group) request.group = token->group;
  TokenRow used = *token;
  --used.nodes_left;
  return used;
}

}  // namespace autoctl::monitor
