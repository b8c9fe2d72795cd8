// Who would be the primary, and why not the others: a forecast for each group, from what the monitor knows of it.
#include "monitor/fsm/forecast.h"
#include "monitor/engine/engine.h"
#include "monitor/engine/returning.h"

namespace autoctl::monitor {

namespace {

protocol::ExplanationDocument explain_group(const Model& model, const Group& group, TimePoint now) {
  Forecast forecast = forecast_loss(snapshot(model, group), model.settings_of(group), now);
  protocol::ExplanationDocument document{.formation = group.row.formation,
                                         .group = group.row.group,
                                         .primary = std::move(forecast.primary),
                                         .would_win = std::move(forecast.winner),
                                         .explanation = std::move(forecast.sentence)};
  for (auto& [name, why] : forecast.losers) document.others.push_back({std::move(name), std::move(why)});
  if (!is_incomplete(model, group)) return document;
  document.would_win.clear();
  document.explanation = why_incomplete(model, group.row.formation);
  return document;
}

}  // namespace

void Engine::explain(const std::string& formation, std::optional<GroupId> group, const Caller& caller,
                     const Reply<protocol::ExplanationsDocument>& reply) {
  if (auto allowed = access_.look(model_, caller.bearer); !allowed) return reply(fail(std::move(allowed.error())));
  if (!formation.empty() && !model_.formations.contains(formation)) return reply(fail(no_such_formation(formation)));
  protocol::ExplanationsDocument document;
  for (const auto& [key, members] : model_.groups)
    if ((formation.empty() || key.first == formation) && (!group || key.second == *group))
      document.groups.push_back(explain_group(model_, members, env_.now()));
  reply(std::move(document));
}

}  // namespace autoctl::monitor
