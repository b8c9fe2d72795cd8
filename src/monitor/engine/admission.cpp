#include "monitor/engine/admission.h"

namespace autoctl::monitor {

namespace {

bool holds_link(const std::string& links, const std::string& link) {
  return link.empty() || ("," + links + ",").find("," + link + ",") != std::string::npos;
}

}  // namespace

Result<> Admission::change(const Caller& caller) const {
  AUTOCTL_TRY(access_.operate(caller.bearer));
  return write();
}

Result<> Admission::speak_for(const Node& node, const Caller& caller) const {
  if (!caller.links.empty() && !holds_link(caller.links, node.row.instance.id))
    return fail(Errc::twin, "another keeper is " + node.row.name + ", at " + node.row.host + ":" +
                                std::to_string(node.row.port) + "; this directory is a copy of it, or older");
  if (access_.act_as(node, caller.bearer, caller.certificate)) return {};
  return access_.operate(caller.bearer);
}

Result<> Admission::write() const {
  if (ledger_.available()) return {};
  return fail(Errc::unavailable, "the monitor's Postgres is away: nothing can be changed now", "try again in a moment");
}

Result<> Admission::while_not_paused(const std::string& formation) const {
  const auto found = model_.formations.find(formation);
  if (found == model_.formations.end() || !found->second.settings.paused) return {};
  return fail(Errc::conflict, "formation '" + formation + "' is paused", "`autoctl resume` ends that");
}

tl::unexpected<Error> in_doubt(const std::string& what, const std::string& hint) {
  return fail(Errc::unavailable, "the monitor's Postgres went away: " + what, hint);
}

}  // namespace autoctl::monitor
