#include "lab/cluster.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>

#include "common/config/files.h"
#include "common/postgres/port_check.h"

namespace autoctl::lab {
namespace {

constexpr Millis call_timeout{2000};
constexpr Millis monitor_start_timeout{60'000};
constexpr Millis stop_patience{15'000};
constexpr int first_port = 6000;
constexpr int last_port = 60'000;
constexpr int api_offset = 2000;

bool is_free(int port) {
  return postgres::check_port_free("*", port).has_value();
}

bool is_leader(NodeState state) {
  return is_leader_state(state);
}
bool is_secondary(NodeState state) {
  return state == NodeState::secondary;
}

}  // namespace

Result<ScratchDirectory> ScratchDirectory::make(const std::string& prefix) {
  const char* base = ::getenv("TMPDIR");
  std::string path = std::string(base != nullptr ? base : "/tmp") + "/" + prefix + "XXXXXX";
  if (::mkdtemp(path.data()) == nullptr)
    return fail(Errc::system, fmt::format("cannot make a scratch directory {}: {}", path, std::strerror(errno)));
  return ScratchDirectory(path);
}

ScratchDirectory::ScratchDirectory(ScratchDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})), kept_(other.kept_) {}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  if (!path_.empty() && !kept_) std::filesystem::remove_all(path_, ignored);
}

Result<int> find_free_ports(int from, int count) {
  for (int first = from; first + count + api_offset < last_port; first += count) {
    bool free = true;
    for (int port = first; free && port < first + count; ++port) free = is_free(port) && is_free(port + api_offset);
    if (free) return first;
  }
  return fail(Errc::conflict, "no free ports on loopback");
}

std::string autoctl_binary() {
  if (const char* named = ::getenv("AUTOCTL_BIN")) return named;
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored);
}

LocalCluster::LocalCluster(std::string binary, std::string directory)
    : binary_(std::move(binary)), directory_(std::move(directory)) {}

LocalCluster::~LocalCluster() {
  if (abandoned_) return;
  for (const auto& node : nodes_) node->destroy();
  if (monitor_) monitor_->destroy();
}

Result<std::unique_ptr<AutoctlDaemon>> LocalCluster::make_daemon(const std::string& name, const std::string& role,
                                                                 const Place& place) const {
  int port = place.pgport;
  if (port == 0) {
    // Ports above those that are given out already: a node that is down for a moment keeps its own.
    int from = first_port;
    if (monitor_) from = std::max(from, monitor_->pgport() + 1);
    for (const auto& node : nodes_) from = std::max(from, node->pgport() + 1);
    const auto free = find_free_ports(from, 1);
    if (!free) return fail(free.error());
    port = *free;
  }
  const std::string directory = place.directory.empty() ? directory_ : place.directory;
  return std::make_unique<AutoctlDaemon>(Tool{binary_, place.launcher},
                                         FailoverDaemon::Place{name, directory, place.host, port}, role);
}

Result<> LocalCluster::create_monitor(const Place& place) {
  auto monitor = make_daemon("monitor", "monitor", place);
  if (!monitor) return fail(std::move(monitor.error()));
  monitor_ = std::move(*monitor);
  std::vector<std::string> words = {"create",     "monitor",       "--pgport", std::to_string(monitor_->pgport()),
                                    "--hostname", monitor_->host()};
  if (!place.auth.empty()) words.insert(words.end(), {"--auth", place.auth});
  if (!place.authority) words.emplace_back("--ssl-self-signed");
  words.insert(words.end(), place.words.begin(), place.words.end());
  AUTOCTL_TRY(monitor_->create(std::move(words)));
  const bool answers = eventually(monitor_start_timeout, [this] {
    return !monitor_->running() || (connect_api() && api_->state("", std::nullopt, call_timeout));
  });
  if (!answers || !monitor_->running())
    return fail(Errc::unavailable, "the monitor did not start; the end of its log:\n" + monitor_->log_tail(15));
  return {};
}

/// The monitor's certificate is its own or its authority's: it is trusted because it was read from its directory.
Result<> LocalCluster::connect_api() {
  if (api_) return {};
  auto pem = config::read_file(monitor_->files().ca());
  if (!pem) pem = config::read_file(monitor_->files().certificate());
  if (!pem) return fail(std::move(pem.error()));
  client::MonitorEndpoint endpoint;
  endpoint.url = fmt::format("https://{}:{}", monitor_->host(), monitor_->api_port());
  endpoint.ca_pem = std::move(*pem);
  auto token = config::read_file(monitor_->files().token());
  if (!token) return fail(std::move(token.error()));
  endpoint.token = token->substr(0, token->find('\n'));
  auto api = client::MonitorApi::create(endpoint);
  if (!api) return fail(std::move(api.error()));
  api_.emplace(std::move(*api));
  return {};
}

Result<AutoctlDaemon*> LocalCluster::create_node(const std::string& name, const Place& place) {
  auto made = make_daemon(name, place.role, place);
  if (!made) return fail(std::move(made.error()));
  auto node = std::move(*made);
  const std::string monitor = place.monitor.empty() ? monitor_uri() : place.monitor;
  std::vector<std::string> words = {
      "create",     place.role,   "--name",    name,   "--pgport", std::to_string(node->pgport()),
      "--hostname", node->host(), "--monitor", monitor};
  if (!place.auth.empty()) words.insert(words.end(), {"--auth", place.auth});
  if (!place.authority) words.emplace_back(place.tls ? "--ssl-self-signed" : "--no-ssl");
  words.insert(words.end(), place.words.begin(), place.words.end());
  if (place.group) words.insert(words.end(), {"--group", std::to_string(*place.group)});
  if (place.lan) words.emplace_back("--pg-hba-lan");
  AUTOCTL_TRY(node->create(std::move(words)));
  nodes_.push_back(std::move(node));
  return nodes_.back().get();
}

std::unique_ptr<AutoctlDaemon> LocalCluster::give_up_monitor() {
  api_.reset();
  return std::exchange(monitor_, nullptr);
}

AutoctlDaemon* LocalCluster::find(const std::string& name) const {
  const auto found = std::ranges::find_if(nodes_, [&](const auto& node) { return node->name() == name; });
  return found == nodes_.end() ? nullptr : found->get();
}

Result<> LocalCluster::heal() {
  AUTOCTL_TRY(monitor_->thaw_or_run());
  for (const auto& node : nodes_) AUTOCTL_TRY(node->thaw_or_run());
  return {};
}

void LocalCluster::stop() {
  for (const auto& node : nodes_) node->stop(stop_patience);
  if (monitor_) monitor_->stop(stop_patience);
}

std::string LocalCluster::monitor_uri() const {
  return fmt::format("postgres://autoctl_node@{}:{}/pg_auto_failover?sslmode=require", monitor_->host(),
                     monitor_->pgport());
}

Result<protocol::StateDocument> LocalCluster::state() {
  if (!api_) return fail(Errc::unavailable, "the monitor has not been started");
  auto state = api_->state("", std::nullopt, call_timeout);
  if (state || state.error().code != Errc::denied) return state;
  api_.reset();  // its authority may be another one since
  AUTOCTL_TRY(connect_api());
  return api_->state("", std::nullopt, call_timeout);
}

Result<> LocalCluster::switchover(Millis timeout, GroupId group) {
  protocol::OperationRequest request;
  request.group = group;
  auto operation = api_->start_operation(request, call_timeout);
  if (!operation) return fail(std::move(operation.error()));
  operation = api_->operation(operation->id, timeout, call_timeout);
  if (!operation) return fail(std::move(operation.error()));
  if (operation->status == "running") return fail(Errc::timeout, "the switchover has not ended: " + operation->message);
  if (operation->status != "done") return fail(Errc::conflict, "the switchover failed: " + operation->message);
  return {};
}

std::vector<ServerAddress> LocalCluster::servers(const AutoctlDaemon* first) const {
  std::vector<ServerAddress> all;
  for (const auto& node : nodes_) {
    if (node->role() == "worker") continue;
    all.push_back({node->host(), node->pgport()});
    if (node.get() == first) std::swap(all.front(), all.back());
  }
  return all;
}

AutoctlDaemon* LocalCluster::find_in_state(GroupId group, const std::function<bool(NodeState)>& wanted) {
  const auto now = state();
  if (!now) return nullptr;
  for (const auto& node : now->nodes)
    if (node.group == group && wanted(node.reported) && wanted(node.assigned)) return find(node.name);
  return nullptr;
}

AutoctlDaemon* LocalCluster::primary(GroupId group) {
  return find_in_state(group, is_leader);
}

AutoctlDaemon* LocalCluster::standby(GroupId group) {
  return find_in_state(group, is_secondary);
}

bool is_settled(const protocol::StateDocument& state) {
  struct Count {
    int nodes = 0, primaries = 0, singles = 0;
  };
  std::map<std::pair<std::string, GroupId>, Count> groups;
  for (const auto& node : state.nodes) {
    if (node.reported != node.assigned || node.health != "healthy" || node.connection == "none") return false;
    Count& group = groups[{node.formation, node.group}];
    ++group.nodes;
    if (node.assigned == NodeState::primary) {
      ++group.primaries;
    } else if (node.assigned == NodeState::single) {
      ++group.singles;
    } else if (node.assigned != NodeState::secondary) {
      return false;
    }
  }
  return !groups.empty() && std::ranges::all_of(groups, [](const auto& entry) {
    const Count& group = entry.second;
    return group.nodes == 1 ? group.singles + group.primaries == 1 : group.primaries == 1 && group.singles == 0;
  });
}

bool LocalCluster::settled() {
  const auto now = state();
  return now && now->nodes.size() == nodes_.size() && is_settled(*now);
}

Result<> LocalCluster::wait_settled(Millis timeout) {
  if (eventually(timeout, [this] { return settled(); })) return {};
  const auto now = state();
  return fail(Errc::timeout, fmt::format("the group has not come to rest within {} s:\n{}", timeout.count() / 1000,
                                         now ? describe(*now) : now.error().message));
}

std::string describe(const protocol::StateDocument& state) {
  std::string text;
  for (const auto& node : state.nodes)
    text += fmt::format("  {:<10} {:>5} {:>18} {:>18}  {} {}{}\n", node.name, node.port, to_string(node.reported),
                        to_string(node.assigned), node.health, node.health_reason,
                        node.trouble.empty() ? "" : "; " + node.trouble);
  for (const auto& group : state.groups)
    if (!group.waiting_for.empty()) text += fmt::format("  group {} waits: {}\n", group.group, group.waiting_for);
  return text;
}

}  // namespace autoctl::lab
