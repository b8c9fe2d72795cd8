#include "monitor/engine/sync_standbys.h"

namespace autoctl::monitor {

bool fit_sync_standbys(const Model& model, const Ledger& ledger, const Group& group, QuorumChange what,
                       Change& change) {
  FormationRow formation = model.formations.at(group.row.formation);
  const int fitting = fitting_sync_standbys(model, group, what);
  if (fitting == formation.settings.number_sync_standbys) return false;
  formation.settings.number_sync_standbys = fitting;
  change.formations.push_back(std::move(formation));
  const std::string why = what == QuorumChange::standby_registers ? "there is a second standby in the quorum"
                                                                  : "there is one standby less in the quorum";
  change.events.push_back(ledger.event(group.row, nullptr, "monitor",
                                       "number_sync_standbys is " + std::to_string(fitting) + " from now on: " + why));
  return true;
}

}  // namespace autoctl::monitor
