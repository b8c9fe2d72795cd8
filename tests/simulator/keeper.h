// A keeper: the product's transition table and lease over pretended servers. What Worker, Board and Reporter do with
// threads is done here in turns; what they keep on disk survives a kill here, what they keep in memory does not.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/protocol/protocol.h"
#include "keeper/core/lease.h"
#include "keeper/core/role.h"
#include "keeper/core/transitions.h"
#include "postgres.h"

namespace autoctl::simulator {

/// What crosses the wire; events carry its number.
struct ReportMessage {
  protocol::Report report;
  std::string token;
  std::uint64_t connection = 0;
  std::uint32_t exchange = 0;
};
struct AnswerMessage {
  protocol::Assignment assignment;
  bool refused = false;
  bool overtaken = false;  // refused because a newer report has arrived
};
struct Post {
  Mail<ReportMessage> reports;
  Mail<AnswerMessage> answers;
  std::uint32_t exchanges = 0;
  std::uint64_t connections = 0;
};

class Keeper {
 public:
  Keeper(Kernel& kernel, Network& network, Servers& servers, Post& post, int node)
      : kernel_(&kernel), network_(&network), servers_(&servers), post_(&post), node_(node) {}

  /// From registration.
  void join(std::string token, std::string host, int port);

  bool alive() const { return alive_; }
  void kill();
  /// Its host is there, or comes back: starts, now or when the disk lets it.
  void start();
  void on_starts(const Event& event);
  void on_turn(const Event& event);
  void on_fence(const Event& event);
  void on_heartbeat(const Event& event);
  void on_answer(const Event& event);
  void on_exchange_failed(const Event& event);
  /// The other end of both connections is gone.
  void connections_broke();
  /// Its server has started or ended.
  void server_changed() { wake(ms(1)); }

  bool settled() const { return saved_.state == saved_.goal.state && saved_.term >= saved_.goal.term; }
  NodeState reached() const { return saved_.state; }
  const Goal& goal() const { return saved_.goal; }
  std::string describe() const;

  /// As Board::citus_duty() and publish_citus().
  std::optional<protocol::CitusPlan> citus_duty() const;
  void set_citus(std::optional<protocol::CitusFacts> facts, bool urgent);

 private:
  struct Saved {
    NodeState state = NodeState::init;
    Term term;
    Goal goal;
    bool lease_required = false;
    std::vector<NodeId> peers;
    std::uint64_t epoch = 0;
  };
  using Role = keeper::Role;
  enum class Did { done, waits, failed, cancelled };

  Postgres& server() { return (*servers_)[node_]; }
  const Postgres& server() const { return (*servers_)[node_]; }
  TimePoint clock() const { return clock_of(kernel_->now); }
  bool chance_of_a_full_disk();
  void note(std::string_view what, std::string detail = {}) {
    kernel_->trace.note(kernel_->now, servers_->group_of(node_), servers_->place_of(node_), what, std::move(detail));
  }

  // the worker (keeper.cpp)
  void wake(Micros delay);
  bool remember(const Saved& next);
  bool cancelled() const;
  bool obey();
  void act();
  void begin_transition();
  void go_on();
  void reached_goal();
  Role wanted_role() const { return keeper::role_of(saved_.state); }
  void maintain();
  void tolerate();
  void start_again();
  bool was_promoted_by_somebody_else() const;
  void end_foreign_promotion();
  bool may_have_own_wal() const { return server().exists && !server().rewinding && !server().standby_signal; }
  bool keep_house();
  void fail(std::string why);
  void succeeded();
  void look();
  void publish();
  void rest();

  // one step of a transition, in as many turns as it takes (steps.cpp)
  Did run(keeper::Step step);
  Did wait(Micros delay, bool breathes = false);
  Did give_up(std::string why);
  Did run_server();
  Did run_standby(int upstream);
  void mark_if_forked();
  Did create_database_cluster();
  Did start_as_primary();
  Did apply_sync();
  Did await_quorum();
  Did checkpoint();
  Did stop_fast();
  Did await_handover();
  Did stop_receiving();
  Did promote();
  Did fetch_missing();
  Did follow(int upstream);
  Did follow_upstream();
  Did leave_as_standby();
  Did join_upstream();
  Did rewind(int upstream);
  Did copy(int upstream);
  int upstream_of_goal() const;

  // the reporter (reporter.cpp)
  struct Exchange {
    std::uint32_t id = 0;  // of the report under way; 0 = none
    std::uint64_t connection = 0;
    Micros left = 0;
  };
  void send(bool wait);
  void offer(const protocol::Assignment& assignment, Micros left);
  void failed_exchange(Exchange& exchange);
  void watch_lease();

  Kernel* kernel_;
  Network* network_;
  Servers* servers_;
  Post* post_;
  int node_;

  // on disk
  Saved on_disk_;
  std::string token_, host_;
  int port_ = 0;

  // in memory
  bool alive_ = false;
  std::uint32_t generation_ = 0;
  Saved saved_;
  NodeFacts facts_, published_;
  std::vector<NodeId> configured_peers_;
  bool house_is_kept_ = false;
  bool restarting_ = false;
  Micros last_answer_ = 0;
  int failures_ = 0;
  Micros first_failure_ = 0, retry_at_ = 0, settled_since_ = 0;
  Micros turn_at_ = -1;
  std::uint32_t turn_ = 0;

  // the transition under way
  const keeper::Transition* way_ = nullptr;
  std::size_t step_ = 0;
  Goal goal_;
  int phase_ = 0;  // of the step
  int follow_phase_ = 0;
  bool breathes_ = false;
  std::uint64_t mark_ = 0;
  Micros since_ = 0;
  Refusal refusal_ = Refusal::none;
  bool started_ = false;
  Position copied_from_;
  std::uint32_t copied_server_ = 0;

  // the board
  std::optional<protocol::Assignment> assignment_;
  Micros assigned_at_ = 0;
  keeper::Lease lease_;
  bool fenced_ = false;
  bool fence_watched_ = false;
  bool question_ = false;
  bool heartbeat_waits_for_facts_ = false;
  bool urgent_ = false;
  std::optional<protocol::CitusFacts> citus_;
  std::uint64_t sequence_ = 0;
  std::uint32_t heartbeat_turn_ = 0;
  Exchange heartbeat_, messenger_;

 public:
  Term highest_obeyed;  // the judge's memory: survives everything
};

}  // namespace autoctl::simulator
