#include "monitor/engine/explaining.h"

#include <utility>

#include "monitor/engine/incomplete.h"
#include "monitor/fsm/forecast.h"

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

Result<protocol::ExplanationsDocument> explanations_document(const Model& model, const std::string& formation,
                                                             std::optional<GroupId> group, TimePoint now) {
  if (!formation.empty() && !model.formations.contains(formation)) return fail(no_such_formation(formation));
  protocol::ExplanationsDocument document;
  for (const auto& [key, members] : model.groups)
    if ((formation.empty() || key.first == formation) && (!group || key.second == *group))
      document.groups.push_back(explain_group(model, members, now));
  return document;
}

}  // namespace autoctl::monitor
