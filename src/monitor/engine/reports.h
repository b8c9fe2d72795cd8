// What becomes of a keeper's report: it is checked and taken in, its group is settled, and it is answered now or when
// there is something to say.
#pragma once

#include "monitor/engine/access.h"
#include "monitor/engine/admission.h"
#include "monitor/engine/assignments.h"
#include "monitor/engine/environment.h"
#include "monitor/engine/ledger.h"
#include "monitor/engine/model.h"
#include "monitor/engine/returning.h"
#include "monitor/engine/settler.h"
#include "monitor/engine/twins.h"

namespace autoctl::monitor {

class Reports {
 public:
  /// All must outlive it.
  Reports(Model& model, Ledger& ledger, Settler& settler, Assignments& assignments, Suspects& suspects,
          Returning& returning, const Access& access, const Environment& env)
      : model_(model),
        ledger_(ledger),
        settler_(settler),
        assignments_(assignments),
        suspects_(suspects),
        returning_(returning),
        access_(access),
        env_(env),
        twins_(ledger, model, env) {}

  /// Errors: unavailable, not_found, denied, incompatible, conflict, bad_usage.
  void take(NodeId id, const protocol::Report& report, const Caller& caller, Reply<protocol::Assignment> reply);
  /// The connection that carried a node's last report broke.
  void disconnected(std::uint64_t connection);
  void probed(NodeId id, ProbedPort port, PortState state, TimePoint at);
  void heard(NodeId id, const Caller& caller);

 private:
  Result<protocol::Assignment> answer_unknown(NodeId id, const protocol::Report& report) const;
  Result<> admit(const Node& node, const protocol::Report& report, const Caller& caller) const;
  void take_in(Group& group, Node& node, const protocol::Report& report, const Caller& caller);
  void take_in_row(Group& group, Node& node, const protocol::Report& report);
  void take_in_address(const Group& group, Node& node, const protocol::Report& report, const Caller& caller);
  bool refuses_host(const Group& group, Node& node, const std::string& host, const Caller& caller);
  void take_in_citus(const Group& group, Node& node, const protocol::Report& report);
  bool may_tell(const Group& group, Node& node);
  void take_in_news(const Group& group, Node& node, const protocol::Report& report);

  Model& model_;
  Ledger& ledger_;
  Settler& settler_;
  Assignments& assignments_;
  Suspects& suspects_;
  Returning& returning_;
  const Access& access_;
  const Environment& env_;
  Twins twins_;
};

}  // namespace autoctl::monitor
