// Patroni with one etcd on loopback, at its documented defaults.
#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "lab/cluster.h"
#include "system.h"

namespace autoctl::bench {
namespace {

constexpr Millis start_timeout{120'000};
constexpr Millis command_timeout{120'000};

// ttl, loop_wait and retry_timeout are the defaults that its documentation recommends; synchronous_mode, so that it
// promises what the others promise.
constexpr const char* configuration = R"(scope: bench
name: {name}
restapi: {{listen: "127.0.0.1:{rest}", connect_address: "127.0.0.1:{rest}"}}
etcd3: {{host: "127.0.0.1:{etcd}"}}
bootstrap:
  dcs:
    ttl: 30
    loop_wait: 10
    retry_timeout: 10
    maximum_lag_on_failover: 1048576
    synchronous_mode: true
    postgresql: {{use_pg_rewind: true, use_slots: true}}
  initdb: [{{encoding: UTF8}}, data-checksums]
  pg_hba: ["local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"]
postgresql:
  listen: "127.0.0.1:{port}"
  connect_address: "127.0.0.1:{port}"
  data_dir: "{pgdata}"
  bin_dir: "{tools}"
  authentication: {{superuser: {{username: {user}}}, replication: {{username: replicator}}}}
  parameters: {{unix_socket_directories: "{directory}"}}
)";

class Patroni : public System {
 public:
  ~Patroni() override {
    for (const auto& node : nodes_) node->destroy();
    if (etcd_) etcd_->destroy();
  }

  std::string name() const override { return "Patroni"; }

  Result<> start(const std::string& directory) override {
    const auto ports = lab::find_free_ports(6200, 5);
    if (!ports) return fail(ports.error());
    etcd_port_ = *ports;
    directory_ = directory;
    etcd_ =
        std::make_unique<lab::FailoverDaemon>(lab::FailoverDaemon::Place{"etcd", directory, "127.0.0.1", etcd_port_});
    const std::string url = fmt::format("http://127.0.0.1:{}", etcd_port_);
    const std::string peer_url = fmt::format("http://127.0.0.1:{}", etcd_port_ + 2000);
    AUTOCTL_TRY(
        etcd_->start(tool({"etcd", "--data-dir", etcd_->pgdata(), "--listen-client-urls", url,
                           "--advertise-client-urls", url, "--listen-peer-urls", peer_url,
                           "--initial-advertise-peer-urls", peer_url, "--initial-cluster", "default=" + peer_url})));
    for (int number = 1; number <= 2; ++number) {
      nodes_.push_back(std::make_unique<lab::FailoverDaemon>(
          lab::FailoverDaemon::Place{fmt::format("node_{}", number), directory, "127.0.0.1", *ports + number}));
      lab::FailoverDaemon& node = *nodes_.back();
      AUTOCTL_TRY(write_configuration(node));
      AUTOCTL_TRY(restart(node));
      if (!wait_settled(start_timeout)) return fail(Errc::timeout, "Patroni did not start:\n" + node.log_tail(15));
    }
    return {};
  }

  Result<> switchover() override {
    const auto* leader = primary();
    if (leader == nullptr) return fail(Errc::unavailable, "Patroni has no primary");
    auto done = run_tool(
        {"patronictl", "-c", file(*nodes_.front()), "switchover", "--master", leader->name(), "--force", "bench"},
        command_timeout);
    if (!done) return fail(std::move(done.error()));
    if (done->find("Successfully") == std::string::npos) return fail(Errc::unavailable, *done);
    return {};
  }

  Result<> restart(lab::FailoverDaemon& node) override { return node.start(tool({"patroni", file(node)})); }

  bool ready() override {
    if (nodes_.size() < 2) return true;
    auto members = run_tool({"patronictl", "-c", file(*nodes_.front()), "list", "-f", "tsv"}, command_timeout);
    return members && members->find("\tSync Standby\t") != std::string::npos;
  }

  std::vector<lab::FailoverDaemon*> nodes() override {
    std::vector<lab::FailoverDaemon*> all;
    for (const auto& node : nodes_) all.push_back(node.get());
    return all;
  }

  std::vector<Part> parts() override {
    return {{"monitor (etcd)", etcd_->pid(), {}}, {"keeper", nodes_[0]->pid(), nodes_[0]->postmaster().value_or(-1)}};
  }

 private:
  std::string file(const lab::FailoverDaemon& node) const { return node.pgdata() + ".yml"; }

  Result<> write_configuration(const lab::FailoverDaemon& node) const {
    auto tools = run_tool({"sh", "-c", "dirname \"$(command -v initdb)\""}, command_timeout);
    auto user = run_tool({"id", "-un"}, command_timeout);
    if (!tools || !user) return fail(Errc::system, "cannot find initdb or our own name");
    for (auto* text : {&*tools, &*user}) text->erase(text->find_last_not_of('\n') + 1);
    std::ofstream(file(node)) << fmt::format(
        fmt::runtime(configuration), fmt::arg("name", node.name()), fmt::arg("rest", node.pgport() + 2000),
        fmt::arg("etcd", etcd_port_), fmt::arg("port", node.pgport()), fmt::arg("pgdata", node.pgdata()),
        fmt::arg("tools", *tools), fmt::arg("user", *user), fmt::arg("directory", directory_));
    return {};
  }

  int etcd_port_ = 0;
  std::string directory_;
  std::unique_ptr<lab::FailoverDaemon> etcd_;
  std::vector<std::unique_ptr<lab::FailoverDaemon>> nodes_;
};

}  // namespace

std::unique_ptr<System> make_patroni() {
  return std::make_unique<Patroni>();
}

}  // namespace autoctl::bench
