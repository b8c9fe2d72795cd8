// pg_auto_failover as its tutorial sets it up: a monitor and two nodes.
#include <fmt/format.h>
#include <sys/mount.h>
#include <unistd.h>

#include "lab/cluster.h"
#include "system.h"

namespace autoctl::bench {
namespace {

constexpr Millis start_timeout{120'000};
constexpr Millis command_timeout{120'000};

class PgAutoFailover : public System {
 public:
  ~PgAutoFailover() override {
    for (const auto& node : nodes_) node->destroy();
    if (monitor_) monitor_->destroy();
  }

  std::string name() const override { return "pg_auto_failover"; }

  Result<> start(const std::string& directory) override {
    // Its Postgres insists on Debian's socket directory, which belongs to the user postgres: ours, in our mount
    // namespace.
    if (::access("/run/postgresql", W_OK) != 0) ::mount("tmpfs", "/run/postgresql", "tmpfs", 0, "mode=0700");
    const auto ports = lab::find_free_ports(6100, 3);
    if (!ports) return fail(ports.error());
    monitor_ =
        std::make_unique<lab::FailoverDaemon>(lab::FailoverDaemon::Place{"monitor", directory, "127.0.0.1", *ports});
    AUTOCTL_TRY(monitor_->start(create("monitor", *monitor_, {})));
    if (!lab::eventually(start_timeout, [this] { return states().has_value(); }))
      return fail(Errc::timeout, "pg_auto_failover's monitor did not start:\n" + monitor_->log_tail(15));
    for (int number = 1; number <= 2; ++number) {
      nodes_.push_back(std::make_unique<lab::FailoverDaemon>(
          lab::FailoverDaemon::Place{fmt::format("node_{}", number), directory, "127.0.0.1", *ports + number}));
      lab::FailoverDaemon& node = *nodes_.back();
      AUTOCTL_TRY(node.start(create("postgres", node, {"--name", node.name(), "--monitor", monitor_uri()})));
      const std::string wanted = number == 1 ? "single/single" : "primary/primary secondary/secondary";
      if (!lab::eventually(start_timeout, [&] { return states() == wanted; }))
        return fail(Errc::timeout, "pg_auto_failover's node did not start:\n" + node.log_tail(15));
    }
    return {};
  }

  Result<> switchover() override {
    auto done = run_tool({"pg_autoctl", "perform", "switchover", "--pgdata", monitor_->pgdata()}, command_timeout);
    if (!done) return fail(std::move(done.error()));
    return {};
  }

  Result<> restart(lab::FailoverDaemon& node) override {
    return node.start(tool({"pg_autoctl", "run", "--pgdata", node.pgdata()}));
  }

  bool ready() override { return states() == "primary/primary secondary/secondary"; }

  std::vector<lab::FailoverDaemon*> nodes() override {
    std::vector<lab::FailoverDaemon*> all;
    for (const auto& node : nodes_) all.push_back(node.get());
    return all;
  }

  std::vector<Part> parts() override {
    const auto postmaster = monitor_->postmaster().value_or(-1);
    std::vector<Part> all = {{"monitor", monitor_->pid(), postmaster}, {"monitor's Postgres", postmaster, {}}};
    all.push_back({"keeper", nodes_[0]->pid(), nodes_[0]->postmaster().value_or(-1)});
    return all;
  }

 private:
  static Command create(const std::string& what, const lab::FailoverDaemon& daemon,
                        const std::vector<std::string>& more) {
    std::vector<std::string> argv = {"pg_autoctl",
                                     "create",
                                     what,
                                     "--pgdata",
                                     daemon.pgdata(),
                                     "--pgport",
                                     std::to_string(daemon.pgport()),
                                     "--hostname",
                                     daemon.host(),
                                     "--auth",
                                     "trust",
                                     "--ssl-self-signed",
                                     "--run"};
    argv.insert(argv.end(), more.begin(), more.end());
    return tool(argv);
  }

  std::string monitor_uri() const {
    return fmt::format("postgres://autoctl_node@127.0.0.1:{}/pg_auto_failover?sslmode=require", monitor_->pgport());
  }

  /// "reported/assigned" of all nodes, ordered.
  Result<std::string> states() const {
    auto connection = pg::Connection::open(monitor_uri(), Millis(1000));
    if (!connection) return fail(std::move(connection.error()));
    auto rows = connection->query(
        "SELECT string_agg(reportedstate || '/' || goalstate, ' ' ORDER BY reportedstate::text) FROM "
        "pgautofailover.node",
        Millis(1000));
    if (!rows) return fail(std::move(rows.error()));
    return rows->text(0, 0);
  }

  std::unique_ptr<lab::FailoverDaemon> monitor_;
  std::vector<std::unique_ptr<lab::FailoverDaemon>> nodes_;
};

}  // namespace

std::unique_ptr<System> make_pg_auto_failover() {
  return std::make_unique<PgAutoFailover>();
}

}  // namespace autoctl::bench
