#include "common/monitor_client/monitor_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "common/monitor_client/monitor_url.h"
#include "common/util/jitter.h"
#include "common/util/redact.h"

namespace autoctl::client {

namespace {

using Clock = std::chrono::steady_clock;

Error describe(Error error, const std::string& host) {
  error = std::move(error).with_context(fmt::format("monitor {}", host));
  // Better than the HTTP client's own hints: here it is known who is on the other side.
  if (error.code == Errc::unavailable || error.code == Errc::timeout)
    error.hint = "is `autoctl run` active for the monitor, and is its API port open from here?";
  if (error.code == Errc::denied)
    error.hint =
        "the certificate must be trusted: give its CA with --monitor-ca-file, use a join token, or the "
        "postgres:// URI";
  return error;
}

http::Request get(std::string path) {
  http::Request request;
  request.method = "GET";
  request.path = std::move(path);
  return request;
}

http::Request post(std::string path, std::string body) {
  http::Request request;
  request.method = "POST";
  request.path = std::move(path);
  request.body = std::move(body);
  return request;
}

void add_scope(http::Request& request, const std::string& formation, std::optional<GroupId> group) {
  if (!formation.empty()) request.query["formation"] = formation;
  if (group) request.query["group"] = std::to_string(*group);
}

}  // namespace

MonitorApi::MonitorApi(std::vector<Host> hosts) : hosts_(std::move(hosts)) {}

Result<MonitorApi> MonitorApi::create(const MonitorEndpoint& endpoint) {
  if (!is_https(endpoint.url))
    return fail(Errc::bad_usage, fmt::format("'{}' is not the URL of a monitor's API", redact(endpoint.url)));
  const auto addresses = parse_https(endpoint.url);
  if (!addresses) return fail(addresses.error());
  std::vector<Host> hosts;
  for (const HostPort& address : *addresses)
    hosts.push_back(
        {fmt::format("{}:{}", address.host, address.port), http::Client({.host = address.host,
                                                                         .port = address.port,
                                                                         .trusted_pem = endpoint.ca_pem,
                                                                         .bearer = endpoint.token,
                                                                         .certificate_pem = endpoint.certificate_pem,
                                                                         .key_pem = endpoint.key_pem})});
  return MonitorApi(std::move(hosts));
}

void MonitorApi::set_token(const std::string& token) {
  for (Host& host : hosts_) host.client.set_bearer(token);
}

void MonitorApi::set_trust(const MonitorEndpoint& endpoint) {
  for (Host& host : hosts_) host.client.set_trust(endpoint.ca_pem, endpoint.certificate_pem, endpoint.key_pem);
}

void MonitorApi::cancel() {
  for (Host& host : hosts_) host.client.cancel();
}

Result<std::string> MonitorApi::call(http::Request request, Millis timeout, Retry retry) {
  const auto deadline = Clock::now() + timeout;
  if (request.method != "GET" && !reason_.empty()) request.query["reason"] = reason_;
  for (;;) {
    auto answer = try_hosts(request, deadline, retry);
    if (answer || asked_to_wait_ == Millis{0}) return answer;
    const Millis pause = some_of(asked_to_wait_);  // the monitor has not looked at it: whatever it is may be repeated
    if (Clock::now() + pause >= deadline) return answer;
    std::this_thread::sleep_for(pause);
  }
}

Result<std::string> MonitorApi::try_hosts(const http::Request& request, TimePoint deadline, Retry retry) {
  asked_to_wait_ = Millis{0};
  const std::size_t tries = retry == Retry::never ? 1 : hosts_.size();
  Error last;
  for (std::size_t i = 0; i < tries; ++i) {
    Host& host = hosts_[current_];
    const auto left = std::chrono::duration_cast<Millis>(deadline - Clock::now());
    if (i > 0 && left <= Millis{0}) break;
    // A silent host must leave time for the others.
    const Millis share = left / static_cast<int>(tries - i);
    auto response =
        host.client.send(request, share, retry == Retry::never ? http::Repeat::if_idempotent : http::Repeat::always);
    if (response && response->status / 100 == 2) {
      asked_to_wait_ = Millis{0};
      return std::move(response->body);
    }
    if (response) asked_to_wait_ = std::max<Millis>(asked_to_wait_, response->retry_after);
    last = response ? protocol::decode_error(response->status, response->body) : describe(response.error(), host.name);
    if (last.code != Errc::unavailable && last.code != Errc::timeout) break;
    if (tries > 1) current_ = (current_ + 1) % hosts_.size();
  }
  return fail(std::move(last));
}

namespace {

template <class Answer>
Result<Answer> read(const Result<std::string>& body) {
  if (!body) return fail(body.error());
  auto answer = protocol::decode<Answer>(*body);
  // The monitor's mistake, not the caller's: an answer that cannot be read is one of another version.
  if (!answer)
    return fail(Errc::incompatible, fmt::format("the monitor's answer makes no sense: {}", answer.error().message),
                "check with `autoctl version` that monitor and node run the same autoctl");
  return answer;
}

}  // namespace

template <class Answer>
Result<Answer> MonitorApi::ask(const http::Request& request, Millis timeout, Retry retry) {
  return read<Answer>(call(request, timeout, retry));
}

Result<MonitorVersion> MonitorApi::version(Millis timeout) {
  const auto body = call(get("/v1/version"), timeout, Retry::other_hosts);
  if (!body) return fail(body.error());
  const auto json = nlohmann::json::parse(*body, nullptr, false);
  if (!json.is_object() || !json.contains("protocol") || !json["protocol"].is_number_integer())
    return fail(Errc::incompatible, "what answers at this address is not an autoctl monitor");
  const auto text = [&json](const char* key) {
    return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : std::string();
  };
  MonitorVersion version{json["protocol"].get<int>(), text("version"), text("monitor_id")};
  if (version.protocol != protocol::version)
    return fail(Errc::incompatible,
                fmt::format("the monitor (autoctl {}) speaks protocol {}, this autoctl speaks {}", version.version,
                            version.protocol, protocol::version),
                "install the same autoctl on monitor and nodes");
  return version;
}

Result<protocol::RegisterAnswer> MonitorApi::register_node(const protocol::RegisterRequest& request, Millis timeout) {
  // Not to be repeated blindly, so a cheap question finds out first which host answers and what it speaks.
  if (const auto known = version(timeout); !known) return fail(known.error());
  return ask<protocol::RegisterAnswer>(post("/v1/register", protocol::encode(request)), timeout, Retry::never);
}

Result<protocol::Assignment> MonitorApi::report(NodeId node, const protocol::Report& report, Millis timeout) {
  return read<protocol::Assignment>(
      try_hosts(post(fmt::format("/v1/nodes/{}/report", node.value), protocol::encode(report)), Clock::now() + timeout,
                Retry::other_hosts));
}

Result<protocol::SettingsDocument> MonitorApi::change_node(NodeId node, const protocol::SettingsDocument& changes,
                                                           Millis timeout) {
  http::Request request = post(fmt::format("/v1/nodes/{}", node.value), protocol::encode(changes));
  request.method = "PATCH";
  return ask<protocol::SettingsDocument>(request, timeout, Retry::other_hosts);
}

Result<> MonitorApi::drop_node(NodeId node, Millis timeout, bool allow_data_loss, const std::string& links) {
  http::Request request;
  request.method = "DELETE";
  request.path = fmt::format("/v1/nodes/{}", node.value);
  if (allow_data_loss) request.query["allow_data_loss"] = "true";
  if (!links.empty()) request.query["instance"] = links;
  if (const auto body = call(request, timeout, Retry::other_hosts); !body) return fail(body.error());
  return {};
}

Result<protocol::CertificateAnswer> MonitorApi::renew_certificate(NodeId node,
                                                                  const protocol::CertificateRequest& request,
                                                                  Millis timeout) {
  return ask<protocol::CertificateAnswer>(
      post(fmt::format("/v1/nodes/{}/certificate", node.value), protocol::encode(request)), timeout,
      Retry::other_hosts);
}

Result<> MonitorApi::leave(NodeId node, Millis timeout, const std::string& links) {
  http::Request request = post(fmt::format("/v1/nodes/{}/leave", node.value), "{}");
  if (!links.empty()) request.query["instance"] = links;
  const auto body = call(request, timeout, Retry::other_hosts);
  if (!body) return fail(body.error());
  return {};
}

Result<protocol::FormationDocument> MonitorApi::create_formation(const protocol::FormationDocument& formation,
                                                                 Millis timeout) {
  if (const auto known = version(timeout); !known) return fail(known.error());
  return ask<protocol::FormationDocument>(post("/v1/formations", protocol::encode(formation)), timeout, Retry::never);
}

Result<> MonitorApi::drop_formation(const std::string& formation, Millis timeout) {
  http::Request request;
  request.method = "DELETE";
  request.path = "/v1/formations";
  request.query["formation"] = formation;
  if (const auto body = call(request, timeout, Retry::other_hosts); !body) return fail(body.error());
  return {};
}

Result<protocol::StateDocument> MonitorApi::state(const std::string& formation, std::optional<GroupId> group,
                                                  Millis timeout) {
  http::Request request = get("/v1/state");
  add_scope(request, formation, group);
  return ask<protocol::StateDocument>(request, timeout, Retry::other_hosts);
}

Result<protocol::ExplanationsDocument> MonitorApi::explain(const std::string& formation, std::optional<GroupId> group,
                                                           Millis timeout) {
  http::Request request = get("/v1/explain");
  add_scope(request, formation, group);
  return ask<protocol::ExplanationsDocument>(request, timeout, Retry::other_hosts);
}

Result<protocol::EventsDocument> MonitorApi::events(const EventsQuery& query, Millis timeout) {
  http::Request request = get("/v1/events");
  add_scope(request, query.formation, query.group);
  if (query.after >= 0) request.query["after"] = std::to_string(query.after);
  if (query.count > 0) request.query["count"] = std::to_string(query.count);
  if (query.wait > Millis{0}) request.query["wait_ms"] = std::to_string(query.wait.count());
  return ask<protocol::EventsDocument>(request, timeout + query.wait, Retry::other_hosts);
}

Result<protocol::OperationDocument> MonitorApi::start_operation(const protocol::OperationRequest& request,
                                                                Millis timeout) {
  if (const auto known = version(timeout); !known) return fail(known.error());
  return ask<protocol::OperationDocument>(post("/v1/operations", protocol::encode(request)), timeout, Retry::never);
}

Result<protocol::OperationDocument> MonitorApi::operation(std::int64_t id, Millis wait, Millis timeout) {
  http::Request request = get(fmt::format("/v1/operations/{}", id));
  if (wait > Millis{0}) request.query["wait_ms"] = std::to_string(wait.count());
  return ask<protocol::OperationDocument>(request, timeout + wait, Retry::other_hosts);
}

Result<protocol::SettingsDocument> MonitorApi::settings(const std::string& formation, Millis timeout) {
  http::Request request = get("/v1/settings");
  add_scope(request, formation, std::nullopt);
  return ask<protocol::SettingsDocument>(request, timeout, Retry::other_hosts);
}

Result<protocol::SettingsDocument> MonitorApi::change_settings(const protocol::SettingsDocument& changes,
                                                               Millis timeout) {
  http::Request request = post("/v1/settings", protocol::encode(changes));
  request.method = "PATCH";
  add_scope(request, changes.formation, std::nullopt);
  return ask<protocol::SettingsDocument>(request, timeout, Retry::other_hosts);
}

Result<protocol::TokenDocument> MonitorApi::create_token(const protocol::TokenRequest& request, Millis timeout) {
  if (const auto known = version(timeout); !known) return fail(known.error());
  return ask<protocol::TokenDocument>(post("/v1/tokens", protocol::encode(request)), timeout, Retry::never);
}

Result<protocol::TokensDocument> MonitorApi::tokens(Millis timeout) {
  return ask<protocol::TokensDocument>(get("/v1/tokens"), timeout, Retry::other_hosts);
}

Result<protocol::TokenDocument> MonitorApi::revoke_token(std::int64_t id, Millis timeout) {
  http::Request request = get(fmt::format("/v1/tokens/{}", id));
  request.method = "DELETE";
  return ask<protocol::TokenDocument>(request, timeout, Retry::other_hosts);
}

Result<protocol::TrustDocument> MonitorApi::trusted(Millis timeout) {
  return ask<protocol::TrustDocument>(get("/v1/ca"), timeout, Retry::other_hosts);
}

}  // namespace autoctl::client
