// A monitor and its nodes, created with the commands that a user would type, in a scratch directory.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/monitor_client/monitor_api.h"
#include "common/protocol/protocol.h"
#include "lab/autoctl_daemon.h"
#include "lab/writing_client.h"

namespace autoctl::lab {

/// A directory under $TMPDIR (or /tmp), mode 0700, that goes with its owner unless it is kept.
class ScratchDirectory {
 public:
  static Result<ScratchDirectory> make(const std::string& prefix);
  ScratchDirectory(ScratchDirectory&& other) noexcept;
  ScratchDirectory& operator=(ScratchDirectory&&) = delete;
  ~ScratchDirectory();
  const std::string& path() const { return path_; }
  void keep() { kept_ = true; }

 private:
  explicit ScratchDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
  bool kept_ = false;
};

/// The first port from `from` on such that it and the `count - 1` after it, and those 2000 above, are all free on
/// loopback.
Result<int> find_free_ports(int from, int count);

/// $AUTOCTL_BIN, or this very program.
std::string autoctl_binary();

/// Not thread-safe. Its destructor kills what it started.
class LocalCluster {
 public:
  /// Nothing is started yet. `directory` must exist and outlive the cluster.
  LocalCluster(std::string binary, std::string directory);
  ~LocalCluster();
  LocalCluster(const LocalCluster&) = delete;
  LocalCluster& operator=(const LocalCluster&) = delete;

  struct Place {
    std::string host = "127.0.0.1";
    int pgport = 0;                     // 0: a free one
    std::string directory;              // empty: the cluster's
    std::vector<std::string> launcher;  // see Tool
    bool lan = false;                   // clients come from other addresses of its network: --pg-hba-lan
    std::string role = "postgres";      // of a node; also coordinator, worker
    std::string auth = "trust";         // empty: nothing is said about it
    std::optional<GroupId> group;       // of a node; nullopt: the monitor chooses
    std::vector<std::string> words;     // more options for `create`
    bool tls = true;                    // of a node: --ssl-self-signed, else --no-ssl
    bool authority = false;             // neither: certificates of the monitor's authority
    std::string monitor;                // of a node: what --monitor is given; empty: monitor_uri()
  };
  /// `autoctl create monitor … --run`; returns when the API answers. Errors: with the end of its log.
  Result<> create_monitor(const Place& place);
  /// `autoctl create ROLE … --run`; returns at once.
  Result<AutoctlDaemon*> create_node(const std::string& name, const Place& place);

  /// Hands the monitor to the caller, running or not; the cluster has no monitor until another one is created.
  std::unique_ptr<AutoctlDaemon> give_up_monitor();

  AutoctlDaemon& monitor() { return *monitor_; }
  bool has_monitor() const { return monitor_ != nullptr; }
  const std::vector<std::unique_ptr<AutoctlDaemon>>& nodes() const { return nodes_; }
  AutoctlDaemon* find(const std::string& name) const;
  /// Starts what does not run (`autoctl run`) and thaws what is frozen.
  Result<> heal();
  /// SIGTERM to all, the monitor last, then SIGKILL to what is left.
  void stop();
  /// Leaves everything running when this object is destroyed.
  void abandon() { abandoned_ = true; }

  /// What --monitor is given.
  std::string monitor_uri() const;
  /// The monitor's API; of use once create_monitor() has succeeded.
  client::MonitorApi& api() { return *api_; }
  Result<protocol::StateDocument> state();
  /// Starts an operation and waits for its end. Errors: of the API; conflict if it ended as failed (its message).
  Result<> switchover(Millis timeout, GroupId group = 0);

  /// Where applications connect: each node of group 0, the given one first.
  std::vector<ServerAddress> servers(const AutoctlDaemon* first = nullptr) const;
  std::string read_write() const { return conninfo(servers(), "postgres"); }

  /// The group's node that is reported and assigned `primary`, `wait_primary` or `single`; null if there is none.
  AutoctlDaemon* primary(GroupId group = 0);
  AutoctlDaemon* standby(
      GroupId group = 0);  // its first that is reported and assigned `secondary`; null if there is none
  /// In each group one primary, every other node secondary, all of them healthy, nothing under way.
  bool settled();
  /// Errors: timeout, with the state table and why the group waits.
  Result<> wait_settled(Millis timeout);

 private:
  AutoctlDaemon* find_in_state(GroupId group, const std::function<bool(NodeState)>& wanted);
  Result<std::unique_ptr<AutoctlDaemon>> make_daemon(const std::string& name, const std::string& role,
                                                     const Place& place) const;
  Result<> connect_api();

  std::string binary_, directory_;
  std::optional<client::MonitorApi> api_;
  std::unique_ptr<AutoctlDaemon> monitor_;
  std::vector<std::unique_ptr<AutoctlDaemon>> nodes_;
  bool abandoned_ = false;
};

/// What settled() asks of a state.
bool is_settled(const protocol::StateDocument& state);

/// One line per node: name, port, reported, assigned, health.
std::string describe(const protocol::StateDocument& state);

}  // namespace autoctl::lab
