#include "keeper/agent/monitor_change.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>

#include "common/monitor_client/node_endpoint.h"
#include "common/tls/scram.h"
#include "common/util/redact.h"
#include "keeper/agent/create_node.h"
#include "keeper/agent/instance_file.h"
#include "keeper/agent/node_certificate.h"
#include "keeper/agent/state_file.h"
#include "keeper/postgres/pgpass.h"

namespace autoctl::keeper {

namespace {

constexpr Millis monitor_timeout{10'000};
/// A monitor that was lost answers nothing: this long does the user wait for that.
constexpr Millis lost_monitor_timeout{3000};

bool silent(const Error& error) {
  return error.code == Errc::unavailable || error.code == Errc::timeout;
}

/// Does the monitor that the node is registered with still know it?
bool is_known(const config::Config& config, const config::Files& files) {
  const auto endpoint = client::node_endpoint(config, files);
  if (!endpoint) return false;
  auto api = client::MonitorApi::create(*endpoint);
  if (!api) return false;
  const auto version = api->version(lost_monitor_timeout);
  if (!version || version->monitor_id != config.monitor_id) return false;
  const auto state = api->state(config.formation, config.group, lost_monitor_timeout);
  return state.has_value();  // it answers to the node's credential
}

/// That monitor hears the node. One that was restored from a backup may know of it from others only.
bool is_heard(client::MonitorApi& api, const config::Config& config) {
  const auto state = api.state(config.formation, config.group, lost_monitor_timeout);
  return state && std::ranges::any_of(state->nodes, [&](const auto& node) {
           return node.id == config.node && node.report_age_ms >= 0;
         });
}

/// What the node is, has, and was last told by its former monitor, but for its goal: that goes with its reports.
Result<protocol::RegisterRequest> former_node(config::Config config, const config::Files& files) {
  auto saved = load_state(files);
  if (!saved) return fail(saved.error());
  AUTOCTL_TRY(ensure_own_password(files, config.node));
  auto passwords = load_passwords(files.pgpass(), config.node);
  if (!passwords) return fail(passwords.error());
  auto tools = find_tools(config.pg_ctl);
  if (!tools) return fail(tools.error());
  auto found = inspect(*tools, config.pgdata);
  if (!found) return fail(found.error());
  config.candidate_priority = saved->standing.candidate_priority;
  config.replication_quorum = saved->standing.replication_quorum;
  config.region = saved->standing.region;
  protocol::RegisterRequest request = request_for(config, *found);
  if (config.auth != "cert") request.verifier = tls::scram_verifier(passwords->own);
  request.former = protocol::FormerNode{config.node, std::move(passwords->formation), saved->standing.settings};
  return request;
}

}  // namespace

Result<> leave_monitor(config::Config config, const config::Files& files, const Leave& by) {
  auto endpoint = client::node_endpoint(config, files);
  if (!endpoint) return fail(endpoint.error());
  if (!by.token_file.empty()) {
    auto token = client::read_token(by.token_file);
    if (!token) return fail(std::move(token.error()).with_context("--token-file"));
    endpoint->token = *std::move(token);
  }
  auto api = client::MonitorApi::create(*endpoint);
  if (!api) return fail(api.error());
  api->set_reason(by.reason);
  auto left = api->leave(config.node, by.force ? lost_monitor_timeout : monitor_timeout, links_of(files));
  // A denial says that this monitor does not know the node any more; of an operator's credential it says nothing of that.
  const bool forgotten =
      !left && (left.error().code == Errc::not_found || (left.error().code == Errc::denied && by.token_file.empty()));
  if (!left && silent(left.error())) {
    if (!by.force) {
      left.error().hint = "if that monitor is lost, `autoctl disable monitor --force` does not ask it";
      return left;
    }
    spdlog::warn("The monitor does not answer ({}): it is not told", left.error().message);
  } else if (!left && !forgotten) {
    return left;
  }
  config.monitor.clear();
  config.monitor_url.clear();
  config.monitor_id.clear();
  return config::save(files, config);
}

Result<config::Config> join_monitor(config::Config config, const config::Files& files, const NewMonitor& monitor) {
  const auto endpoint = client::endpoint_to_join(monitor.address, monitor.ca_file, monitor.token_file, monitor.join);
  if (!endpoint) return fail(endpoint.error());
  auto api = client::MonitorApi::create(*endpoint);
  if (!api) return fail(api.error());
  const auto version = api->version(monitor_timeout);
  if (!version) return fail(version.error());
  if (!config.monitor_url.empty() && is_known(config, files)) {
    const bool same = version->monitor_id == config.monitor_id;
    if (same && is_heard(*api, config)) return config;
    if (!same)
      return fail(Errc::conflict,
                  config.name + " is registered with the monitor at " + config.monitor_url + ", which answers",
                  "`autoctl disable monitor` takes it from there first");
  }
  auto request = former_node(config, files);
  if (!request) return fail(request.error());
  const auto asked = ask_for_certificate(config, *request);
  if (!asked) return fail(asked.error());
  const auto answer = api->register_node(*request, monitor_timeout);
  if (!answer) return fail(answer.error());
  // The formation's other nodes have certificates of the former monitor until they come, too.
  const std::string former = config::read_file(files.ca()).value_or("");
  const bool same = former.find(answer->ca_pem) != std::string::npos;
  AUTOCTL_TRY(take_certificate(config, files, *asked, *answer, same ? "" : former));

  config.monitor = without_password(monitor.address);
  config.monitor_ca_file = monitor.ca_file;
  config.token_file = monitor.token_file;
  config.monitor_url = endpoint->url;
  config.monitor_id = answer->monitor_id;
  config.candidate_priority = request->candidate_priority;
  config.replication_quorum = request->replication_quorum;
  config.region = request->region;
  // The configuration comes last: it is what makes the others count.
  if (endpoint->ca_pem.empty())
    ::unlink(files.monitor_ca().c_str());
  else
    AUTOCTL_TRY(config::write_file(files.monitor_ca(), endpoint->ca_pem, 0600));
  AUTOCTL_TRY(config::write_file(files.token(), answer->token + "\n", 0600));
  AUTOCTL_TRY(config::save(files, config));
  return config;
}

}  // namespace autoctl::keeper
