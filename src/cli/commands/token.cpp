// token create, token list, token revoke.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/commands/commands.h"
#include "cli/duration.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"
#include "cli/output/tokens.h"
#include "common/monitor_client/join_token.h"

namespace autoctl::cli {

namespace {

constexpr std::chrono::seconds monitor_patience{20};
constexpr std::chrono::milliseconds retry_pause{250};

struct TokenCreateOptions {
  MonitorTarget target;
  Scope scope;
  int nodes = 1;
  std::string ttl = "1h";
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

void say_what_for(const protocol::TokenDocument& token, const std::string& url) {
  const std::string group = token.group ? fmt::format(", group {}", *token.group) : "";
  spdlog::info("Join token {}: for {} node{} of formation \"{}\"{}, until {}; it is shown only now", token.id,
               token.nodes_left, token.nodes_left == 1 ? "" : "s", token.formation, group, token.expires);
  spdlog::info("On the node: autoctl create postgres --monitor {} --join-token-file FILE …", url);
}

/// Whom nodes are to trust. A monitor that was started a moment ago is given time to come up.
Result<protocol::TrustDocument> await_trust(client::MonitorApi& api) {
  const auto deadline = std::chrono::steady_clock::now() + monitor_patience;
  for (bool said = false;; said = true) {
    auto trusted = api.trusted(call_timeout);
    const bool absent = !trusted && trusted.error().code == Errc::unavailable;
    if (!absent || std::chrono::steady_clock::now() >= deadline) return trusted;
    if (!said)
      spdlog::warn("Waiting up to {} s for the monitor: {}", monitor_patience.count(), trusted.error().message);
    std::this_thread::sleep_for(retry_pause);
  }
}

Result<ExitCode> create(const TokenCreateOptions& options) {
  const auto endpoint = find_monitor(options.target);
  if (!endpoint) return fail(endpoint.error());
  auto api = client::MonitorApi::create(*endpoint);
  if (!api) return fail(api.error());
  const auto trusted = await_trust(*api);
  if (!trusted) return fail(trusted.error());
  const protocol::TokenRequest request{.formation = options.scope.formation,
                                       .group = options.scope.group,
                                       .nodes = options.nodes,
                                       .ttl = parse_duration(options.ttl).value_or(std::chrono::seconds(0))};
  const auto made = api->create_token(request, call_timeout);
  if (!made) return fail(made.error());
  const std::string text = to_text(client::JoinToken{made->secret, client::fingerprint(trusted->ca_pem)});
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
  add_target(command, options.target);
  add_scope(command, options.scope);
  command.add_option("--nodes", options.nodes, "how many nodes may join with it; default: 1")
      .range(1, 10'000)
      .type_name("N");
  command.add_option("--ttl", options.ttl, "how long it is good: 90s, 30m, 1h, 7d; at most 30d; default: 1h")
      .check(check_duration)
      .type_name("TIME");
  add_json(command, options.json);
}

void declare_list(Verb command, TokenListOptions& options) {
  add_target(command, options.target);
  add_json(command, options.json);
}

void declare_revoke(Verb command, TokenRevokeOptions& options) {
  add_target(command, options.target);
  command.add_option("id", options.id, "its number, as `autoctl token list` shows it")
      .required()
      .check(check_id)
      .type_name("");
}

}  // namespace

void add_token(Verb token, Invocation& invocation) {
  add_command<TokenCreateOptions>(
      token, invocation, "create", "make a credential with which nodes join, and print it, once",
      "autoctl token create --pgdata /srv/monitor --nodes 2 > join-token", declare_create, create);
  add_command<TokenListOptions>(token, invocation, "list", "tokens, those that ended a while ago included",
                                "autoctl token list --pgdata /srv/monitor", declare_list, list);
  add_command<TokenRevokeOptions>(token, invocation, "revoke", "end a token now; nodes that have joined stay",
                                  "autoctl token revoke 3 --pgdata /srv/monitor", declare_revoke, revoke);
}

}  // namespace autoctl::cli
