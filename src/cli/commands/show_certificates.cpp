// show certificates: what each port of the monitor and of a formation's nodes shows now, and whom clients trust.
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/certificates.h"
#include "cli/output/print.h"
#include "cli/output/state_document.h"
#include "common/monitor_client/monitor_url.h"
#include "common/postgres/port_probe.h"
#include "common/util/resolve.h"

namespace autoctl::cli {

namespace {

using postgres::Expect;

constexpr Millis look_timeout{1'000};

struct ShowCertificatesOptions {
  MonitorTarget target;
  std::string formation;
  bool json = false;
};

ShownCertificate look(const std::string& part, const std::string& server, const std::string& host, int port,
                      Expect what) {
  ShownCertificate found{part, server, host_port(host, port), false, {}};
  const auto addresses = resolve(host, {.port = port});
  const auto shown = addresses ? postgres::certificate_shown(*addresses, what, look_timeout) : std::nullopt;
  if (!shown) return found;
  found.reached = true;
  if (auto described = tls::describe_certificates(*shown)) found.certificate = std::move(described->front());
  return found;
}

/// Its Postgres is asked only where its port is known: on its own machine.
void look_at_monitor(const std::string& url, const std::string& pgdata, std::vector<ShownCertificate>& servers) {
  const auto hosts = client::parse_https(url);
  if (!hosts) return;
  for (const auto& place : *hosts) servers.push_back(look("monitor", "API", place.host, place.port, Expect::own_port));
  const auto config = pgdata.empty() ? fail(Errc::not_found, "") : load_config(pgdata);
  if (config && config->is_monitor())
    servers.push_back(look("monitor", "Postgres", config->hostname, config->pgport, Expect::certificate));
}

Result<ExitCode> show_certificates(const ShowCertificatesOptions& options) {
  const auto endpoint = find_monitor(options.target);
  if (!endpoint) return fail(endpoint.error());
  auto api = client::MonitorApi::create(*endpoint);
  if (!api) return fail(api.error());
  const auto state = api->state(options.formation, std::nullopt, call_timeout);
  if (!state) return fail(state.error());
  const auto trusted = api->trusted(call_timeout);
  if (!trusted) return fail(trusted.error());
  auto authorities = tls::describe_certificates(trusted->ca_pem);
  if (!authorities) return fail(std::move(authorities.error()));

  CertificatesShown all{.servers = {}, .trusted = *std::move(authorities)};
  look_at_monitor(endpoint->url, options.target.pgdata, all.servers);
  for (const auto& node : state->nodes) {
    all.servers.push_back(look(node.name, "Postgres", node.host, node.port, Expect::certificate));
    all.servers.push_back(look(node.name, "keeper", node.host, node.api_port, Expect::own_port));
  }
  const auto now = std::chrono::system_clock::now();
  print(options.json ? pretty(certificates_json(all, now)) : certificates_table(all, now));
  return is_in_trouble(all, now) ? ExitCode::unhealthy : ExitCode::ok;
}

void declare(Verb command, ShowCertificatesOptions& options) {
  add_target(command, options.target);
  command.add_option("--formation", options.formation, "of this formation; default: of all that one may see")
      .type_name("NAME");
  add_json(command, options.json);
}

}  // namespace

void add_show_certificates(Verb show, Invocation& invocation) {
  add_command<ShowCertificatesOptions>(
      show, invocation, "certificates",
      "what the ports of the monitor and of all nodes show now: to whom issued, by whom, until when; ends with 13 when "
      "one has ended or ends soon",
      "autoctl show certificates --pgdata /srv/monitor", declare, show_certificates);
}

}  // namespace autoctl::cli
