// A keeper's process: the product's core, fed in turns of virtual time. What the product's threads do around the core is
// pretended here: looking at Postgres and giving it orders (orders.cpp), the disk, and the two connections to the monitor
// (connections.cpp). A kill takes the core with it; what it saved survives.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/protocol/protocol.h"
#include "keeper/core/answer_patience.h"
#include "keeper/core/core.h"
#include "keeper/core/instance_chain.h"
#include "postgres.h"

namespace autoctl::simulator {

/// What crosses the wire; events carry its number.
struct ReportMessage {
  protocol::Report report;
  std::string token;
  std::uint64_t connection = 0;
  std::uint32_t exchange = 0;
  int copy_of = -1;  // the node whose copy says this; -1: it is no copy
};
struct AnswerMessage {
  protocol::Assignment assignment;
  bool refused = false;
  bool overtaken = false;   // refused because a newer report has arrived
  bool twin = false;        // refused because another keeper is this node
  std::string known_place;  // where that one is, as the monitor has written down
};
struct Post {
  Mail<ReportMessage> reports;
  Mail<AnswerMessage> answers;
  std::uint32_t exchanges = 0;
  std::uint64_t connections = 0;
  std::uint64_t links = 0;  // of all keepers' chains
};

/// What a copy of a node's directory has.
struct Imprint {
  keeper::SavedState state;
  protocol::Instance instance;
  std::string token;
};

class Keeper {
 public:
  Keeper(Kernel& kernel, PretendedNetwork& network, Servers& servers, Post& post, int node)
      : kernel_(&kernel), network_(&network), servers_(&servers), post_(&post), node_(node) {}

  /// From registration.
  void join(std::string token, std::string host, int port);

  bool alive() const { return core_.has_value(); }
  void kill();
  /// Its host is there, or comes back: starts, now or when the disk lets it.
  void start();
  void on_starts(const Event& event);
  void on_turn(const Event& event);
  void on_fence(const Event& event);
  void on_heartbeat(const Event& event);
  void on_answer(const Event& event);
  void on_exchange_failed(const Event& event);
  void on_messenger(const Event& event);
  /// As PulseWatch. Its turns go on while Postgres hangs, and until that is over; begin_probes() begins them.
  void on_probes(const Event& event);
  void begin_probes();
  /// The other end of both connections is gone.
  void connections_broke();
  /// Its server has started or ended.
  void server_changed() { wake(ms(1)); }

  /// Its disk is put into another machine, which is to be switched on.
  void move_disk();
  /// Where its directory is.
  std::string place() const { return "machine " + std::to_string(node_) + "/" + std::to_string(machine_); }
  Imprint imprint() const { return {on_disk_, instance_on_disk_, token_}; }

  bool settled() const { return saved().settled(); }
  NodeState reached() const { return saved().state; }
  const Goal& goal() const { return saved().goal; }
  std::string describe() const;

  /// As Board::citus_duty() and publish_citus().
  std::optional<protocol::CitusPlan> citus_duty() const;
  void set_citus(std::optional<protocol::CitusFacts> facts, bool urgent);

 private:
  using Order = keeper::Order;
  enum class Did { done, waits, failed };

  Postgres& server() { return (*servers_)[node_]; }
  const Postgres& server() const { return (*servers_)[node_]; }
  const keeper::SavedState& saved() const { return core_ ? core_->saved_state() : on_disk_; }
  TimePoint clock() const { return clock_of(kernel_->now); }
  bool chance_of_a_full_disk();
  void note(std::string_view what, std::string detail = {}) {
    kernel_->trace.note(kernel_->now, servers_->group_of(node_), servers_->place_of(node_), what, std::move(detail));
  }

  // the worker (keeper.cpp)
  void wake(Micros delay);
  void go_on();
  void note(const keeper::Ready& ready);
  void save(keeper::SavedState state);
  void look();
  void answer_is_published();
  keeper::Observation observe() const;

  // what is promised of a keeper (keeper_judge.cpp)
  void judge_obedience();
  void judge_order() const;
  void judge_report(const protocol::Report& report) const;
  void judge_lease();

  // an order, in as many turns as it takes (orders.cpp)
  void begin(const Order& order);
  void go_on_with_order();
  Did carry_out();
  Did wait(Micros delay);
  Did give_up(Errc code, std::string why);
  Did configure();
  Did start_server();
  Did stop_server();
  Did set_sync();
  Did stop_receiving();
  Did promote();
  Did rewind();
  Did copy();
  int node_of(NodeId upstream) const;

  // the two connections (connections.cpp)
  struct Exchange {
    std::uint32_t id = 0;  // of the report under way; 0 = none
    std::uint64_t connection = 0;
    Micros left = 0;
    std::uint64_t last_news = 0;
    std::string link;
    keeper::AnswerPatience patience;
  };
  void take_link();
  void refused(Exchange& exchange, bool waits, const std::string& known_place);
  void send(bool wait);
  void send_what_is_urgent();
  void failed_exchange(Exchange& exchange);
  void watch_lease();

  Kernel* kernel_;
  PretendedNetwork* network_;
  Servers* servers_;
  Post* post_;
  int node_;

  // on disk
  keeper::SavedState on_disk_;
  protocol::Instance instance_on_disk_;
  int machine_ = 0;  // in which its disk is
  std::string token_, host_;
  int port_ = 0;

  // in memory
  std::optional<keeper::Core> core_;
  std::optional<keeper::InstanceChain> chain_;
  std::uint32_t generation_ = 0;
  Micros turn_at_ = -1;
  std::uint32_t turn_ = 0;

  // the order under way
  std::optional<Order> order_;
  int phase_ = 0;
  Micros since_ = 0;
  Position copied_from_;
  std::uint32_t copied_server_ = 0;

  // the connections
  bool fence_watched_ = false;
  bool heartbeat_waits_for_facts_ = false;
  std::uint32_t heartbeat_turn_ = 0;
  std::uint32_t probes_turn_ = 0;
  Exchange heartbeat_, messenger_;

  // the judge's memory
  Term highest_obeyed_;      // survives everything
  Micros fenced_later_ = 0;  // what the monitor has granted, and a standby that streams, keep the fence away until then
};

}  // namespace autoctl::simulator
