// autoctl, through the same local cluster as the demonstration and the tests.
#include "lab/cluster.h"
#include "system.h"

namespace autoctl::bench {
namespace {

constexpr Millis start_timeout{120'000};
constexpr Millis command_timeout{120'000};

class Autoctl : public System {
 public:
  explicit Autoctl(int nodes) : count_(nodes) {}
  std::string name() const override { return "autoctl"; }

  Result<> start(const std::string& directory) override {
    cluster_ = std::make_unique<lab::LocalCluster>(AUTOCTL_BINARY, directory);
    AUTOCTL_TRY(cluster_->create_monitor({}));
    for (int number = 1; number <= count_; ++number) {
      if (auto created = cluster_->create_node("node_" + std::to_string(number), {}); !created)
        return fail(std::move(created.error()));
      AUTOCTL_TRY(cluster_->wait_settled(start_timeout));
    }
    return {};
  }

  Result<> switchover() override {
    auto done =
        run_tool({AUTOCTL_BINARY, "perform", "switchover", "--pgdata", cluster_->monitor().pgdata()}, command_timeout);
    if (!done) return fail(std::move(done.error()));
    return {};
  }

  Result<> restart(lab::FailoverDaemon& node) override { return cluster_->find(node.name())->run(); }
  bool ready() override { return cluster_->settled(); }

  std::vector<lab::FailoverDaemon*> nodes() override {
    std::vector<lab::FailoverDaemon*> all;
    for (const auto& node : cluster_->nodes()) all.push_back(node.get());
    return all;
  }

  std::vector<Part> parts() override {
    const auto postmaster = cluster_->monitor().postmaster().value_or(-1);
    lab::AutoctlDaemon& keeper = *cluster_->nodes().front();
    return {{"monitor", cluster_->monitor().pid(), postmaster},
            {"monitor's Postgres", postmaster, {}},
            {"keeper", keeper.pid(), keeper.postmaster().value_or(-1)}};
  }

 private:
  const int count_;
  std::unique_ptr<lab::LocalCluster> cluster_;
};

}  // namespace

std::unique_ptr<System> make_autoctl(int nodes) {
  return std::make_unique<Autoctl>(nodes);
}

}  // namespace autoctl::bench
