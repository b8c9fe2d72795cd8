// token create, token list, token revoke.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cli/commands/commands.h"
#include "cli/duration.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"
#include "cli/output/tokens.h"
#include "common/monitor_client/join_token.h"

namespace autoctl::cli {

namespace {

constexpr std::chrono::seconds trust_patience{20};
constexpr std::chrono::milliseconds trust_pause{250};

struct TokenCreateOptions {
  MonitorTarget target;
  std::string role = protocol::join_role;
  std::vector<std::string> formations;
  std::optional<GroupId> group;
  std::string label;
  std::optional<int> nodes;
  std::string ttl;
  bool json = false;
};

struct TokenListOptions {
  MonitorTarget target;
  bool json = false;
};

struct TokenRevokeOptions {
  MonitorTarget target;
  std::string id;
};

std::string check_id(const std::string& text) {
  const bool digits = !text.empty() && text.size() < 19 && text.find_first_not_of("0123456789") == std::string::npos;
  return digits ? "" : "'" + text + "' is no number of a token; `autoctl token list` shows them";
}

bool joins(const std::string& role) {
  return role == protocol::join_role;
}

std::string places(const protocol::TokenDocument& token) {
  std::string names;
  for (const auto& formation : token.formations) names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", formation);
  if (names.empty()) return "all formations";
  return (token.formations.size() == 1 ? "formation " : "formations ") + names;
}

void say_what_for(const protocol::TokenDocument& token, const std::string& url) {
  const std::string name = token.label.empty() ? "" : fmt::format(" \"{}\"", token.label);
  if (!joins(token.role)) {
    spdlog::info("Token {}{} of role {}: for {}, until {}; it is shown only now", token.id, name, token.role,
                 places(token), token.expires);
    spdlog::info("Put it into a file of mode 0600: autoctl show state --monitor {} --token-file FILE …", url);
    return;
  }
  const std::string group = token.group ? fmt::format(", group {}", *token.group) : "";
  spdlog::info("Join token {}{}: for {} node{} of {}{}, until {}; it is shown only now", token.id, name,
               token.nodes_left, token.nodes_left == 1 ? "" : "s", places(token), group, token.expires);
  spdlog::info("On the node: autoctl create postgres --monitor {} --join-token-file FILE …", url);
}

/// Whom nodes are to trust. A monitor that was started a moment ago is given time to come up.
Result<protocol::TrustDocument> await_trust(client::MonitorApi& api) {
  const auto deadline = std::chrono::steady_clock::now() + trust_patience;
  for (bool said = false;; said = true) {
    auto trusted = api.trusted(call_timeout);
    const bool absent = !trusted && trusted.error().code == Errc::unavailable;
    if (!absent || std::chrono::steady_clock::now() >= deadline) return trusted;
    if (!said) spdlog::warn("Waiting up to {} s for the monitor: {}", trust_patience.count(), trusted.error().message);
    std::this_thread::sleep_for(trust_pause);
  }
}

/// What the monitor checks again; here with the words of the command line.
Result<protocol::TokenRequest> request_of(const TokenCreateOptions& options) {
  if (!joins(options.role) && (options.nodes || options.group))
    return fail(Errc::bad_usage, "--nodes and --group are for join tokens", "leave them out");
  if (options.role == protocol::operator_role && options.formations.empty())
    return fail(Errc::bad_usage, "which formations is the operator's token for?",
                "give --formation NAME, several times if it is for several; or --role admin for all of them");
  const std::string ttl = !options.ttl.empty() ? options.ttl : joins(options.role) ? "1h" : "90d";
  return protocol::TokenRequest{.role = options.role,
                                .formations = options.formations,
                                .group = options.group,
                                .nodes = options.nodes.value_or(1),
                                .ttl = parse_duration(ttl).value_or(std::chrono::seconds(0)),
                                .label = options.label};
}

/// A join token carries what a node is to trust, too.
std::string printed_form(const protocol::TokenDocument& token, const std::string& ca_pem) {
  return joins(token.role) ? to_text(client::JoinToken{token.secret, client::fingerprint(ca_pem)}) : token.secret;
}

Result<ExitCode> create(const TokenCreateOptions& options) {
  const auto request = request_of(options);
  if (!request) return fail(request.error());
  const auto endpoint = find_monitor(options.target);
  if (!endpoint) return fail(endpoint.error());
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  protocol::TrustDocument trusted;
  if (joins(request->role)) {
    auto found = await_trust(*api);
    if (!found) return fail(std::move(found.error()));
    trusted = *std::move(found);
  }
  const auto made = api->create_token(*request, call_timeout);
  if (!made) return fail(made.error());
  const std::string text = printed_form(*made, trusted.ca_pem);
  say_what_for(*made, endpoint->url);
  nlohmann::json object = token_json(*made);
  object["token"] = text;
  object["monitor"] = endpoint->url;
  print(options.json ? pretty(object) : text + '\n');
  return ExitCode::ok;
}

Result<ExitCode> list(const TokenListOptions& options) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto tokens = api->tokens(call_timeout);
  if (!tokens) return fail(tokens.error());
  print(options.json ? pretty(tokens_json(*tokens)) : tokens_table(*tokens));
  return ExitCode::ok;
}

Result<ExitCode> revoke(const TokenRevokeOptions& options) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto token = api->revoke_token(std::stoll(options.id), call_timeout);
  if (!token) return fail(token.error());
  spdlog::info("Token {} is {}", token->id, token->state);
  return ExitCode::ok;
}

void declare_create(Verb command, TokenCreateOptions& options) {
  add_changing_target(command, options.target);
  command
      .add_option("--role", options.role,
                  "what it is for; join: nodes register with it; viewer: look; operator: look at and operate the "
                  "formations that are named; admin: everything; default: join")
      .one_of({protocol::join_role, protocol::viewer_role, protocol::operator_role, protocol::admin_role})
      .type_name("ROLE");
  command
      .add_option("--formation", options.formations,
                  "where it holds; may be given several times (not for join); default: for join \"default\", for a "
                  "viewer all")
      .type_name("NAME");
  command.add_option("--group", options.group, "join: this group of the formation only").not_negative().type_name("N");
  command.add_option("--name", options.label, "whose it is: a label for events and lists").type_name("LABEL");
  command.add_option("--nodes", options.nodes, "join: how many nodes may join with it; default: 1")
      .range(1, 10'000)
      .type_name("N");
  command
      .add_option("--ttl", options.ttl,
                  "how long it is good: 90s, 30m, 1h, 7d; default: 1h for join (at most 30d), 90d for other roles (at "
                  "most 366d)")
      .check(check_duration)
      .type_name("TIME");
  add_json(command, options.json);
}

void declare_list(Verb command, TokenListOptions& options) {
  add_target(command, options.target);
  add_json(command, options.json);
}

void declare_revoke(Verb command, TokenRevokeOptions& options) {
  add_changing_target(command, options.target);
  command.add_option("id", options.id, "its number, as `autoctl token list` shows it")
      .required()
      .check(check_id)
      .type_name("");
}

}  // namespace

void add_token(Verb token, Invocation& invocation) {
  add_command<TokenCreateOptions>(
      token, invocation, "create",
      "make a credential for nodes that join, or for people and programs, and print it, once",
      "autoctl token create --pgdata /srv/monitor --nodes 2 > join-token\n"
      "autoctl token create --pgdata /srv/monitor --role operator --formation shop --name alice > alice-token",
      declare_create, create);
  add_command<TokenListOptions>(token, invocation, "list", "tokens, those that ended a while ago included",
                                "autoctl token list --pgdata /srv/monitor", declare_list, list);
  add_command<TokenRevokeOptions>(token, invocation, "revoke", "end a token now; nodes that have joined stay",
                                  "autoctl token revoke 3 --pgdata /srv/monitor", declare_revoke, revoke);
}

}  // namespace autoctl::cli
