#include "monitor/api/api_router.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "common/protocol/certificates.h"
#include "common/protocol/text_rule.h"
#include "common/util/version.h"
#include "monitor/api/parameters.h"

namespace autoctl::monitor {

namespace {

constexpr std::int64_t wait_ms_max = 60'000;  // below the server's own limit
constexpr std::int64_t events_max = 1'000;
constexpr int events_latest = 10;
constexpr int group_max = 1'000'000;
constexpr Millis engine_patience{5'000};
/// Of a request without a good credential. A node that was dropped, or that a restored monitor has forgotten, still
/// hears so: its reports are smaller by far.
constexpr std::size_t strangers_body_bytes_max = 32 * 1024;
constexpr std::size_t body_bytes_max = 1024 * 1024;

http::Response error_response(const Error& error, bool had_credential) {
  int status = protocol::http_status(error.code);
  if (error.code == Errc::denied && had_credential) status = 403;
  return {status, protocol::encode_error(error)};
}

constexpr std::chrono::seconds busy_for{1};
constexpr int too_many_requests = 429;

http::Response over_budget_response(const std::string& name) {
  const Error error{Errc::unavailable, name + " asks for more than the monitor has time for: it has not looked at this",
                    "wait a second before the next request"};
  return {.status = too_many_requests, .body = protocol::encode_error(error), .retry_after = busy_for};
}

/// To a client for which there is no time now. Nothing of what it asked for was done.
http::Response busy_response() {
  const Error error{Errc::unavailable, "the monitor is overloaded and has not looked at this", "try again in a moment"};
  return {.status = protocol::http_status(error.code), .body = protocol::encode_error(error), .retry_after = busy_for};
}

/// One matched request on its way to the engine.
struct Call {
  const http::Request& request;
  const http::Responder& respond;
  Service& service;
  Credentials& credentials;
  const HostCheck& hosts;
  const ApiTrust& trust;
  std::int64_t id = 0;  // the {id} of the path

  Caller caller() const {
    return {.bearer = request.bearer,
            .connection = request.connection,
            .links = query_text(request.query, "instance"),
            .elsewhere = request.elsewhere,
            .certificate = request.certificate,
            .reason = query_text(request.query, "reason")};
  }
  void refuse(const Error& error) const { respond(error_response(error, !request.bearer.empty())); }
  void ask(Service::Task task) const {
    if (!service.ask(std::move(task))) respond(busy_response());
  }
  /// Turns what the engine says into a response.
  template <class T>
  Reply<T> reply() const {
    return [respond = respond, had_credential = !request.bearer.empty()](Result<T> result) {
      if (!result) return respond(error_response(result.error(), had_credential));
      if constexpr (std::is_void_v<T>)
        respond({200, "{}"});
      else
        respond({200, protocol::encode(*result)});
    };
  }
};

template <class T>
bool decode_body(const Call& call, T& value) {
  auto decoded = protocol::decode<T>(call.request.body);
  if (!decoded) {
    call.refuse(decoded.error());
    return false;
  }
  value = *std::move(decoded);
  return true;
}

/// False when it has answered because the number makes no sense.
bool read_query(const Call& call, const char* name, std::int64_t high, std::optional<std::int64_t>& value) {
  const auto number = query_number(call.request.query, name, 0, high);
  if (!number) {
    call.refuse(number.error());
    return false;
  }
  value = *number;
  return true;
}

std::optional<GroupId> as_group(std::optional<std::int64_t> number) {
  if (!number) return std::nullopt;
  return static_cast<GroupId>(*number);
}

/// Empty where the node asks for no certificate.
Result<Authority::Issue> prepare_certificate(const ApiTrust& trust, const protocol::RegisterRequest& body) {
  if (body.csr.empty()) return Authority::Issue();
  if (trust.authority) return trust.authority->prepare(body.csr, body.host);
  return fail(
      Errc::conflict, "this monitor has no certificate authority that could give the node a certificate",
      "give --ssl-self-signed, --server-cert with --server-key, or --no-ssl; a monitor has an authority that was "
      "created with none of them");
}

/// The node is registered: without the certificate that it asked for it takes that back.
void add_certificate(protocol::RegisterAnswer& answer, const Authority::Issue& issue,
                     const protocol::TrustDocument& trusted) {
  if (!issue) return;
  auto certificate = issue(answer.node);
  if (!certificate)
    return spdlog::error("Node {} gets no certificate: {}", answer.node.value, certificate.error().message);
  answer.certificate = *std::move(certificate);
  answer.ca_pem = trusted.ca_pem;
}

void register_node(const Call& call) {
  protocol::RegisterRequest body;
  if (!decode_body(call, body)) return;
  const auto issue = prepare_certificate(call.trust, body);
  if (!issue) return call.refuse(issue.error());
  const auto trusted = call.trust.now();
  if (!trusted) return call.refuse(trusted.error());
  const auto reply = [&credentials = call.credentials, formation = body.formation, issue = *issue, trusted = *trusted,
                      answer = call.reply<protocol::RegisterAnswer>()](Result<protocol::RegisterAnswer> registered) {
    if (registered) {
      credentials.note(registered->node, formation, registered->token);
      add_certificate(*registered, issue, trusted);
    }
    answer(std::move(registered));
  };
  auto register_it = [=, &service = call.service, respond = call.respond, caller = call.caller()](Result<> found) {
    if (!found) return reply(fail(std::move(found.error())));
    if (!service.ask([=](Engine& engine) { engine.register_node(body, caller, reply); })) respond(busy_response());
  };
  call.hosts.check(body.host, call.request.elsewhere, std::move(register_it));
}

void report(const Call& call) {
  if (!call.service.lets_in(NodeId{call.id}, call.caller())) return call.respond(busy_response());
  protocol::Report body;
  if (!decode_body(call, body)) return;
  const auto reply = [&credentials = call.credentials, id = NodeId{call.id}, bearer = call.request.bearer,
                      answer = call.reply<protocol::Assignment>()](Result<protocol::Assignment> result) {
    const bool unknown = !result && (result.error().code == Errc::denied || result.error().code == Errc::not_found);
    if (unknown) credentials.forget(id, bearer);
    if (result && credentials.owner_of(bearer).name.empty()) credentials.note(id, "", bearer);
    answer(std::move(result));
  };
  call.service.report(
      {NodeId{call.id}, call.caller(), std::move(body), reply, [respond = call.respond] { respond(busy_response()); }});
}

void renew_certificate(const Call& call) {
  protocol::CertificateRequest body;
  if (!decode_body(call, body)) return;
  // What is wrong with it is told to those only who may ask.
  const Result<Authority::Issue> issue =
      call.trust.authority
          ? call.trust.authority->prepare(body.csr, body.host)
          : fail(Errc::conflict, "this monitor has no certificate authority", "its nodes keep what they have");
  const auto trusted = call.trust.now();
  const auto reply = [issue, trusted, id = NodeId{call.id},
                      answer = call.reply<protocol::CertificateAnswer>()](Result<> allowed) {
    if (!allowed) return answer(fail(std::move(allowed.error())));
    if (!issue) return answer(fail(issue.error()));
    if (!trusted) return answer(fail(trusted.error()));
    auto certificate = (*issue)(id);
    if (!certificate) return answer(fail(std::move(certificate.error())));
    answer(protocol::CertificateAnswer{*std::move(certificate), trusted->ca_pem});
  };
  call.ask([host = body.host, id = NodeId{call.id}, caller = call.caller(), reply](Engine& engine) {
    engine.certify(id, host, caller, reply);
  });
}

void drop_node(const Call& call) {
  const bool allow_data_loss = query_text(call.request.query, "allow_data_loss") == "true";
  call.ask([id = NodeId{call.id}, allow_data_loss, caller = call.caller(), reply = call.reply<void>()](Engine& engine) {
    engine.drop_node(id, allow_data_loss, caller, reply);
  });
}

void change_node(const Call& call) {
  protocol::SettingsDocument body;
  if (!decode_body(call, body)) return;
  call.ask([body, id = NodeId{call.id}, caller = call.caller(), reply = call.reply<protocol::SettingsDocument>()](
               Engine& engine) { engine.change_node(id, body, caller, reply); });
}

void leave(const Call& call) {
  call.ask([id = NodeId{call.id}, caller = call.caller(), reply = call.reply<void>()](Engine& engine) {
    engine.leave(id, caller, reply);
  });
}

void create_formation(const Call& call) {
  protocol::FormationDocument body;
  if (!decode_body(call, body)) return;
  call.ask([body, caller = call.caller(), reply = call.reply<protocol::FormationDocument>()](Engine& engine) {
    engine.create_formation(body, caller, reply);
  });
}

void drop_formation(const Call& call) {
  call.ask([formation = query_text(call.request.query, "formation"), caller = call.caller(),
            reply = call.reply<void>()](Engine& engine) { engine.drop_formation(formation, caller, reply); });
}

void state(const Call& call) {
  std::optional<std::int64_t> group;
  if (!read_query(call, "group", group_max, group)) return;
  call.ask([formation = query_text(call.request.query, "formation"), group, caller = call.caller(),
            reply = call.reply<protocol::StateDocument>()](Engine& engine) {
    engine.state(formation, as_group(group), caller, reply);
  });
}

void explain(const Call& call) {
  std::optional<std::int64_t> group;
  if (!read_query(call, "group", group_max, group)) return;
  call.ask([formation = query_text(call.request.query, "formation"), group, caller = call.caller(),
            reply = call.reply<protocol::ExplanationsDocument>()](Engine& engine) {
    engine.explain(formation, as_group(group), caller, reply);
  });
}

void events(const Call& call) {
  std::optional<std::int64_t> group, after, count, wait;
  if (!read_query(call, "group", group_max, group) || !read_query(call, "count", events_max, count) ||
      !read_query(call, "after", std::numeric_limits<std::int64_t>::max() - 1, after) ||
      !read_query(call, "wait_ms", wait_ms_max, wait))
    return;
  EventQuery query{.formation = query_text(call.request.query, "formation"), .group = as_group(group)};
  query.after = after.value_or(0);
  query.latest = !after;
  query.count = static_cast<int>(count.value_or(0));
  if (query.count == 0) query.count = after ? static_cast<int>(events_max) : events_latest;
  call.ask(
      [query, wait = Millis{wait.value_or(0)}, caller = call.caller(),
       reply = call.reply<protocol::EventsDocument>()](Engine& engine) { engine.events(query, wait, caller, reply); });
}

void settings(const Call& call) {
  call.ask([formation = query_text(call.request.query, "formation"), caller = call.caller(),
            reply = call.reply<protocol::SettingsDocument>()](Engine& engine) {
    engine.settings(formation, caller, reply);
  });
}

void change_settings(const Call& call) {
  protocol::SettingsDocument body;
  if (!decode_body(call, body)) return;
  body.formation = query_text(call.request.query, "formation", body.formation);
  call.ask([body, caller = call.caller(), reply = call.reply<protocol::SettingsDocument>()](Engine& engine) {
    engine.change_settings(body, caller, reply);
  });
}

void start_operation(const Call& call) {
  protocol::OperationRequest body;
  if (!decode_body(call, body)) return;
  Caller caller = call.caller();
  if (body.reason.empty()) body.reason = caller.reason;
  caller.reason = body.reason;
  call.ask([body, caller, reply = call.reply<protocol::OperationDocument>()](Engine& engine) {
    engine.start_operation(body, caller, reply);
  });
}

void operation(const Call& call) {
  std::optional<std::int64_t> wait;
  if (!read_query(call, "wait_ms", wait_ms_max, wait)) return;
  call.ask([id = call.id, wait = Millis{wait.value_or(0)}, caller = call.caller(),
            reply = call.reply<protocol::OperationDocument>()](Engine& engine) {
    engine.operation(id, wait, caller, reply);
  });
}

void create_token(const Call& call) {
  protocol::TokenRequest body;
  if (!decode_body(call, body)) return;
  const auto reply = [&credentials = call.credentials, role = body.role, ttl = body.ttl,
                      answer = call.reply<protocol::TokenDocument>()](Result<protocol::TokenDocument> made) {
    if (made) credentials.note_token(made->id, role, made->secret, ttl);
    answer(std::move(made));
  };
  call.ask([body, caller = call.caller(), reply](Engine& engine) { engine.create_token(body, caller, reply); });
}

void tokens(const Call& call) {
  call.ask([caller = call.caller(), reply = call.reply<protocol::TokensDocument>()](Engine& engine) {
    engine.tokens(caller, reply);
  });
}

void revoke_token(const Call& call) {
  const auto reply = [&credentials = call.credentials,
                      answer = call.reply<protocol::TokenDocument>()](Result<protocol::TokenDocument> revoked) {
    if (revoked) credentials.forget_token(revoked->id);
    answer(std::move(revoked));
  };
  call.ask([id = call.id, caller = call.caller(), reply](Engine& engine) { engine.revoke_token(id, caller, reply); });
}

struct Route {
  std::string_view method;
  std::string_view path;  // "{id}" stands for a number
  Right need;             // the engine sees to it, and knows in which formation; the gate refuses who never has it
  void (*handle)(const Call& call);
};

constexpr std::array<Route, 18> routes = {{
    {"POST", "/v1/register", Right::join, register_node},
    {"POST", "/v1/nodes/{id}/report", Right::report, report},
    {"PATCH", "/v1/nodes/{id}", Right::operate, change_node},
    {"DELETE", "/v1/nodes/{id}", Right::own_node, drop_node},
    {"POST", "/v1/nodes/{id}/certificate", Right::own_node, renew_certificate},
    {"POST", "/v1/nodes/{id}/leave", Right::own_node, leave},
    {"POST", "/v1/formations", Right::administer, create_formation},
    {"DELETE", "/v1/formations", Right::administer, drop_formation},
    {"GET", "/v1/state", Right::look, state},
    {"GET", "/v1/explain", Right::look, explain},
    {"GET", "/v1/events", Right::look, events},
    {"GET", "/v1/settings", Right::look, settings},
    {"PATCH", "/v1/settings", Right::operate, change_settings},
    {"POST", "/v1/operations", Right::own_node, start_operation},
    {"GET", "/v1/operations/{id}", Right::look, operation},
    {"POST", "/v1/tokens", Right::administer, create_token},
    {"GET", "/v1/tokens", Right::administer, tokens},
    {"DELETE", "/v1/tokens/{id}", Right::administer, revoke_token},
}};

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto end = std::min(path.find('/'), path.size());
    parts.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return parts;
}

/// nullopt when the path is another one; the id is 0 when it has none.
std::optional<std::int64_t> match(std::string_view pattern, std::string_view path) {
  const auto wanted = split(pattern);
  const auto given = split(path);
  if (wanted.size() != given.size()) return std::nullopt;
  std::int64_t id = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == given[i]) continue;
    if (wanted[i] != "{id}") return std::nullopt;
    const auto number = parse_number(std::string(given[i]), "id", 1, std::numeric_limits<std::int64_t>::max());
    if (!number) return std::nullopt;
    id = *number;
  }
  return id;
}

/// To one who has a node's credential only.
Error no_certificate() {
  return {Errc::denied, "this credential counts only over a connection with the node's certificate",
          "server.crt and server.key beside the node's data directory are to be shown, too"};
}

bool is_for_all(const std::string& path) {
  return path == "/healthz" || path == "/v1/version" || path == "/v1/ca" || path == "/";
}

http::Response no_such_path(const http::Request& request, bool other_method) {
  const std::string text = request.method + " " + request.path;
  const Error error{Errc::not_found,
                    other_method ? text + ": this path does not take that method" : text + ": no such path",
                    "docs/api.md lists what there is"};
  return {other_method ? 405 : 404, protocol::encode_error(error)};
}

}  // namespace

ApiRouter::ApiRouter(Service& service, Credentials& credentials, std::string monitor_id, ApiTrust trust)
    : service_(service), credentials_(credentials), monitor_id_(std::move(monitor_id)), trust_(std::move(trust)) {}

std::vector<ApiRouter::Need> ApiRouter::needs() {
  std::vector<Need> all;
  for (const Route& route : routes) all.push_back({route.method, route.path, route.need});
  return all;
}

/// Of who shows a credential that is known here.
http::Standing ApiRouter::judge_owner(const http::Request& header, const Credentials::Owner& owner) const {
  const auto asked = std::ranges::find_if(
      routes, [&](const Route& r) { return r.method == header.method && match(r.path, header.path).has_value(); });
  const bool everybody_may = owner.role == Role::node && credentials_.enters("");
  if (asked != routes.end() && !grants(owner.role, asked->need) && !everybody_may)
    return {.refusal = error_response(owner.refusal(header.bearer), true)};
  return {.credential = owner.name, .body_bytes_max = body_bytes_max};
}

http::Standing ApiRouter::judge(const http::Request& header) const {
  const bool certified = header.bearer.starts_with(protocol::certified_prefix);
  if (certified && header.certificate.empty()) return {.refusal = error_response(no_certificate(), true)};
  const auto owner = credentials_.owner_of(header.bearer);
  if (!owner.name.empty()) return judge_owner(header, owner);
  if (is_for_all(header.path)) return {};
  // What a node is told whose credential is not known (any more) says what to do about that.
  const bool of_a_node = header.path.starts_with("/v1/nodes/") && !header.bearer.empty();
  // Which join tokens there are, and what they are good for, the engine knows.
  const bool joins = header.path == "/v1/register" && !header.bearer.empty();
  if (of_a_node || joins || owner.formerly || credentials_.enters(header.bearer))
    return {.body_bytes_max = strangers_body_bytes_max};
  const bool exists =
      std::ranges::any_of(routes, [&](const Route& r) { return match(r.path, header.path).has_value(); });
  if (!exists) return {};
  const bool registers = header.path == "/v1/register";  // with nothing to show
  const Error why = registers ? Credentials::no_credential_to_join() : owner.refusal(header.bearer);
  return {.refusal = error_response(why, !header.bearer.empty())};
}

http::Response ApiRouter::health() const {
  const bool alive = std::chrono::steady_clock::now() - service_.last_turn() < engine_patience;
  if (!alive) return {503, R"({"status":"stuck"})"};
  return {200, service_.overloaded() ? R"({"status":"overloaded"})" : R"({"status":"ok"})"};
}

http::Response ApiRouter::version() const {
  const nlohmann::json document = {{"protocol", protocol::version},
                                   {"version", program_version},
                                   {"monitor_id", monitor_id_},
                                   {"service", "autoctl monitor"}};
  return {200, document.dump()};
}

/// To everybody: who has a join token knows what it is to be.
http::Response ApiRouter::trust() const {
  const auto now = trust_.now();
  return now ? http::Response{200, protocol::encode(*now)} : error_response(now.error(), false);
}

/// Operators who may do everything are not bound, and with --auth trust nobody is who shows no credential. What does not
/// know its credential is bound by its address.
bool ApiRouter::affords(const http::Request& request, NodeId reporter, const http::Responder& respond) const {
  const auto owner = credentials_.owner_of(request.bearer);
  if (request.bearer.empty() || owner.role == Role::admin) return true;
  Budgets::Sender sender{owner.name, owner.node, owner.formation};
  if (owner.name.empty()) sender.name = request.peer.substr(0, request.peer.rfind(':'));
  std::optional<Inbox::Sender> report;
  if (reporter && reporter == owner.node)
    report = {reporter, Caller{.bearer = request.bearer, .connection = request.connection}};
  return service_.affords(sender, report, [respond, name = sender.name] { respond(over_budget_response(name)); });
}

void ApiRouter::handle(const http::Request& request, const http::Responder& respond) const {
  if (request.method == "GET" || request.method == "HEAD") {
    if (request.path == "/healthz") return respond(health());
    if (request.path == "/v1/version" || request.path == "/") return respond(version());
    if (request.path == "/v1/ca") return respond(trust());
  }
  if (const std::string why = protocol::why_not(query_text(request.query, "reason"), protocol::rules::reason);
      !why.empty())
    return respond(error_response({Errc::bad_usage, "reason: " + why}, true));
  bool other_method = is_for_all(request.path);
  for (const Route& route : routes) {
    const auto id = match(route.path, request.path);
    if (!id) continue;
    if (route.method == request.method) {
      if (!affords(request, route.need == Right::report ? NodeId{*id} : NodeId{}, respond)) return;
      return route.handle({request, respond, service_, credentials_, hosts_, trust_, *id});
    }
    other_method = true;
  }
  respond(no_such_path(request, other_method));
}

}  // namespace autoctl::monitor
