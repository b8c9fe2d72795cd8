// inspect show: what this machine is to others, as `create` finds it out. No packet is sent but to a name server.
#include <fmt/format.h>
#include <netdb.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/local_address.h"
#include "cli/options.h"
#include "cli/output/print.h"
#include "common/monitor_client/monitor_url.h"
#include "common/util/route.h"

namespace autoctl::cli {

namespace {

/// pg_autoctl's: only the routing table is asked for the way there.
constexpr const char* far_away = "8.8.8.8";

struct InspectShowOptions {
  std::string host;  // the argument
  bool json = false;
};

Result<ExitCode> answer(const InspectShowOptions& options, const std::string& key, const std::string& value) {
  print(options.json ? pretty({{key, value}}) : value + '\n');
  return ExitCode::ok;
}

Result<std::string> own_address() {
  const auto there = resolve(far_away, {.port = 53, .numeric_only = true});
  if (there)
    if (const auto source = source_address_to(there->front())) return source->text();
  return default_hostname("");
}

Result<ExitCode> ipaddr(const InspectShowOptions& options) {
  const auto address = own_address();
  if (!address) return fail(address.error());
  return answer(options, "ipaddr", *address);
}

Result<ExitCode> cidr(const InspectShowOptions& options) {
  const auto address = own_address();
  if (!address) return fail(address.error());
  const auto network = network_of(*address);
  if (!network) return fail(Errc::not_found, *address + " is no interface's address here", "`ip address` lists them");
  return answer(options, "cidr", *network);
}

Result<ExitCode> hostname(const InspectShowOptions& options) {
  std::string peer;
  if (!options.host.empty()) {
    if (client::is_https(options.host)) {
      const auto hosts = client::parse_https(options.host);
      if (!hosts) return fail(hosts.error());
      peer = hosts->front().host;
    } else {
      const auto servers = client::parse_libpq(options.host);
      if (!servers) return fail(servers.error());
      peer = servers->front().address.host;
    }
  }
  const auto own = default_hostname(peer);
  if (!own) return fail(own.error());
  return answer(options, "hostname", *own);
}

/// The name that the resolver has for an address; nullopt: none.
std::optional<std::string> name_of(const SocketAddress& address) {
  std::array<char, NI_MAXHOST> name{};
  if (::getnameinfo(address.data(), address.length, name.data(), name.size(), nullptr, 0, NI_NAMEREQD) != 0)
    return std::nullopt;
  return std::string(name.data());
}

bool is_ours(const SocketAddress& address) {
  return address.is_loopback() || network_of(address.text()).has_value();
}

Result<ExitCode> pair(const InspectShowOptions& options, const std::string& name, const std::string& address) {
  print(options.json ? pretty({{"hostname", name}, {"ipaddr", address}}) : fmt::format("{}: {}\n", name, address));
  return ExitCode::ok;
}

Result<ExitCode> lookup(const InspectShowOptions& options) {
  const auto found = resolve_hostname(options.host);
  if (!found) return fail(found.error());
  const auto own = std::ranges::find_if(*found, is_ours);
  if (own == found->end())
    return fail(Errc::conflict,
                fmt::format("\"{}\" is {}, which is no address of this machine", options.host, found->front().text()),
                "give `create` a --hostname that is");
  return pair(options, options.host, own->text());
}

/// As Postgres checks a host name in pg_hba.conf: one of its addresses leads back to it.
Result<ExitCode> reverse(const InspectShowOptions& options) {
  const auto found = resolve_hostname(options.host);
  if (!found) return fail(found.error());
  for (const SocketAddress& address : *found) {
    const auto name = name_of(address);
    if (name && (*name == options.host || name->starts_with(options.host + ".")))
      return pair(options, options.host, address.text());
  }
  return fail(Errc::conflict, fmt::format("no address of \"{}\" leads back to that name", options.host),
              "autoctl writes addresses into pg_hba.conf, and does not need that");
}

void declare(Verb command, InspectShowOptions& options) {
  add_json(command, options.json);
}

void declare_monitor(Verb command, InspectShowOptions& options) {
  declare(command, options);
  command.add_option("monitor", options.host, "as for a node of this monitor").type_name("URI");
}

void declare_host(Verb command, InspectShowOptions& options) {
  declare(command, options);
  command.add_option("host", options.host, "a host name, or an address").required().type_name("");
}

}  // namespace

void add_inspect_show(Verb inspect, Invocation& invocation) {
  Verb show = inspect.add_group("show", "names and addresses of this machine, as `create` finds them");
  add_command<InspectShowOptions>(show, invocation, "ipaddr", "this machine's address on its way to others",
                                  "autoctl inspect show ipaddr", declare, ipaddr);
  add_command<InspectShowOptions>(show, invocation, "cidr", "the network of that address", "autoctl inspect show cidr",
                                  declare, cidr);
  add_command<InspectShowOptions>(show, invocation, "lookup", "is this name one of this machine's?",
                                  "autoctl inspect show lookup db1.example", declare_host, lookup);
  add_command<InspectShowOptions>(show, invocation, "hostname", "the --hostname that `create` would take",
                                  "autoctl inspect show hostname", declare_monitor, hostname);
  add_command<InspectShowOptions>(show, invocation, "reverse", "does an address of this name lead back to it?",
                                  "autoctl inspect show reverse db1.example", declare_host, reverse);
  add_version(show, invocation);
}

}  // namespace autoctl::cli
