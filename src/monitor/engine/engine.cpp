#include "monitor/engine/engine.h"

#include <algorithm>
#include <utility>

#include "monitor/engine/documents.h"
#include "monitor/engine/explaining.h"
#include "monitor/engine/settings_values.h"

namespace autoctl::monitor {

Engine::Engine(Store& store, Prober& prober, Access access, Environment environment, Decide decide)
    : env_(std::move(environment)),
      access_(std::move(access)),
      ledger_(store, model_, log_, waiters_, env_),
      admission_(access_, ledger_, model_, env_),
      assignments_(model_, env_),
      suspects_(prober),
      settler_(model_, ledger_, assignments_, suspects_, env_, std::move(decide)),
      returning_(model_, ledger_, settler_, suspects_, admission_, env_),
      tokens_(model_, ledger_, access_, admission_, env_),
      membership_(model_, ledger_, settler_, suspects_, returning_, tokens_, access_, admission_, env_),
      formations_(model_, ledger_, settler_, admission_, env_),
      operations_(model_, ledger_, settler_, admission_, env_),
      reports_(model_, ledger_, settler_, assignments_, suspects_, returning_, access_, env_) {}

void Engine::restore(const Image& image) {
  ledger_.restore(image);
  for (const auto& [key, group] : model_.groups)
    for (const auto& [id, node] : group.nodes) suspects_.prepare(node.row.host);
  settler_.settle_all();
  ledger_.flush();
  // Operations that ended in a transaction whose outcome was in doubt.
  for (const auto& [id, operation] : model_.operations)
    if (operation.status != OperationStatus::running) waiters_.ended(operation);
}

void Engine::store_lost(const std::string& why) {
  ledger_.lost(why);
}

void Engine::report(NodeId id, const protocol::Report& report, const Caller& caller,
                    Reply<protocol::Assignment> reply) {
  reports_.take(id, report, caller, std::move(reply));
  ledger_.flush();
}

void Engine::heard(NodeId id, const Caller& caller) {
  reports_.heard(id, caller);
}

void Engine::register_node(const protocol::RegisterRequest& request, const Caller& caller,
                           Reply<protocol::RegisterAnswer> reply) {
  reply(membership_.add(request, caller));
  ledger_.flush();
}

void Engine::change_node(NodeId id, const protocol::SettingsDocument& changes, const Caller& caller,
                         const Reply<protocol::SettingsDocument>& reply) {
  reply(membership_.change(id, changes, caller));
  ledger_.flush();
}

void Engine::certify(NodeId id, const std::string& host, const Caller& caller, const Reply<>& reply) {
  reply(membership_.certify(id, host, caller));
  ledger_.flush();
}

void Engine::drop_node(NodeId id, bool allow_data_loss, const Caller& caller, const Reply<>& reply) {
  reply(membership_.drop(id, allow_data_loss, caller));
  ledger_.flush();
}

void Engine::leave(NodeId id, const Caller& caller, const Reply<>& reply) {
  reply(returning_.leave(id, caller));
  ledger_.flush();
}

void Engine::state(const std::string& formation, std::optional<GroupId> group, const Caller& caller,
                   const Reply<protocol::StateDocument>& reply) {
  auto shown = admission_.look(caller, formation);
  if (!shown) return reply(fail(std::move(shown.error())));
  reply(state_document(model_, *shown, group, ledger_.available(), env_.now()));
}

void Engine::explain(const std::string& formation, std::optional<GroupId> group, const Caller& caller,
                     const Reply<protocol::ExplanationsDocument>& reply) {
  auto shown = admission_.look(caller, formation);
  if (!shown) return reply(fail(std::move(shown.error())));
  reply(explanations_document(model_, *shown, group, env_.now()));
}

void Engine::create_formation(const protocol::FormationDocument& document, const Caller& caller,
                              const Reply<protocol::FormationDocument>& reply) {
  reply(formations_.create(document, caller));
  ledger_.flush();
}

void Engine::drop_formation(const std::string& name, const Caller& caller, const Reply<>& reply) {
  reply(formations_.drop(name, caller));
  ledger_.flush();
}

void Engine::settings(const std::string& formation, const Caller& caller,
                      const Reply<protocol::SettingsDocument>& reply) {
  auto shown = admission_.look(caller, formation);
  if (!shown) return reply(fail(std::move(shown.error())));
  const auto found = model_.formations.find(shown->empty() ? "default" : *shown);
  if (found == model_.formations.end()) return reply(fail(no_such_formation(*shown)));
  reply(protocol::SettingsDocument{found->first, to_values(found->second.settings)});
}

void Engine::change_settings(const protocol::SettingsDocument& document, const Caller& caller,
                             const Reply<protocol::SettingsDocument>& reply) {
  reply(formations_.change(document, caller));
  ledger_.flush();
}

void Engine::events(const EventQuery& query, Millis wait, const Caller& caller, Reply<protocol::EventsDocument> reply) {
  auto shown = admission_.look(caller, query.formation);
  if (!shown) return reply(fail(std::move(shown.error())));
  EventQuery follow = query;
  follow.formation = *std::move(shown);
  auto found = ledger_.events(follow);
  if (!found || !found->events.empty() || wait <= Millis{0}) return reply(std::move(found));
  follow.latest = false;
  follow.after = std::max(query.after, log_.last_id());
  log_.follow(follow, env_.now() + wait, std::move(reply));
}

void Engine::start_operation(const protocol::OperationRequest& request, const Caller& caller,
                             const Reply<protocol::OperationDocument>& reply) {
  reply(operations_.start(request, caller));
  ledger_.flush();
}

void Engine::operation(std::int64_t id, Millis wait, const Caller& caller, Reply<protocol::OperationDocument> reply) {
  if (auto may = admission_.may(Right::look, caller); !may) return reply(fail(std::move(may.error())));
  const auto found = model_.operations.find(id);
  if (found == model_.operations.end() || !admission_.sees(caller, found->second.formation))
    return reply(fail(Errc::not_found, "there is no operation " + std::to_string(id) + ", or it is long over"));
  if (found->second.status != OperationStatus::running || wait <= Millis{0})
    return reply(operation_document(found->second));
  waiters_.wait(id, env_.now() + wait, std::move(reply));
}

void Engine::create_token(const protocol::TokenRequest& request, const Caller& caller,
                          const Reply<protocol::TokenDocument>& reply) {
  reply(tokens_.create(request, caller));
  ledger_.flush();
}

void Engine::tokens(const Caller& caller, const Reply<protocol::TokensDocument>& reply) {
  reply(tokens_.list(caller));
}

void Engine::revoke_token(std::int64_t id, const Caller& caller, const Reply<protocol::TokenDocument>& reply) {
  reply(tokens_.revoke(id, caller));
  ledger_.flush();
}

void Engine::disconnected(std::uint64_t connection) {
  reports_.disconnected(connection);
  ledger_.flush();
}

void Engine::probed(NodeId id, ProbedPort port, PortState state, TimePoint at) {
  reports_.probed(id, port, state, at);
  ledger_.flush();
}

void Engine::overloaded(bool is, const std::string& words) {
  model_.overload = is ? words : "";
  is ? env_.warn(words) : env_.inform(words);
  ledger_.tell(ledger_.event("monitor", words));
  ledger_.flush();
}

void Engine::tell_of(NodeId id, const std::string& words) {
  const Group* group = model_.group_of(id);
  if (group == nullptr) return;
  const NodeRow& row = group->nodes.at(id).row;
  ledger_.tell(ledger_.event(group->row, &row, "monitor", row.name + " " + words));
  ledger_.flush();
}

void Engine::tell(const std::string& words) {
  for (const auto& [name, row] : model_.formations) {
    auto event = ledger_.event("monitor", words);
    event.formation = name;
    ledger_.tell(std::move(event));
  }
  ledger_.flush();
}

void Engine::set_trust(const protocol::TrustGoal& goal, const std::string& change) {
  model_.trust_change = change;
  if (goal == model_.trust) return;
  model_.trust = goal;
  for (auto& [key, group] : model_.groups) assignments_.refresh(group);
}

std::vector<std::string> Engine::behind_in_trust(bool bundle_only) {
  std::vector<std::string> names;
  for (const auto& [key, group] : model_.groups)
    for (const auto& [id, node] : group.nodes) {
      const protocol::TrustFacts& has = node.trust;
      const bool other_kind = node.reported && has.bundle.empty();
      const bool there =
          has.bundle == model_.trust.bundle &&
          (bundle_only || (has.issuer == model_.trust.issuer && has.issued >= model_.trust.renew_before));
      if (!other_kind && !there) names.push_back(node.row.name);
    }
  return names;
}

void Engine::wake(bool deaf) {
  settler_.excuse_own_absence(deaf);
}

void Engine::tick() {
  const TimePoint now = env_.now();
  log_.expire(now);
  waiters_.expire(model_, now);
  settler_.check_trust();
  returning_.complete_formations();
  settler_.tick();
  ledger_.flush();
}

TimePoint Engine::next_tick() const {
  TimePoint next = settler_.next_tick();
  for (const auto& deadline : {log_.next_deadline(), waiters_.next_deadline()})
    if (deadline) next = std::min(next, *deadline);
  return next;
}

}  // namespace autoctl::monitor
