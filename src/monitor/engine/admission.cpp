#include "monitor/engine/admission.h"

namespace autoctl::monitor {

namespace {

bool holds_link(const std::string& links, const std::string& link) {
  return link.empty() || ("," + links + ",").find("," + link + ",") != std::string::npos;
}

}  // namespace

Identity Admission::identify(const Caller& caller) const {
  return monitor::identify(model_, access_, caller.bearer, caller.certificate, env_.wall());
}

By Admission::signature(const Caller& caller) const {
  return {identify(caller).name, caller.elsewhere.empty() ? "the monitor's machine" : caller.elsewhere, caller.reason};
}

bool Admission::is_itself(const Node& node, const Caller& caller) const {
  return access_.act_as(node, caller.bearer, caller.certificate).has_value();
}

Result<> Admission::may(Right right, const Caller& caller) const {
  const Identity who = identify(caller);
  if (!grants(who.role, right)) return fail(refusal(who, caller.bearer));
  return {};
}

Result<> Admission::may(Right right, const std::string& formation, const Caller& caller) const {
  AUTOCTL_TRY(may(right, caller));
  if (const Identity who = identify(caller); !who.covers(formation)) return fail(refusal_in(who, formation));
  return {};
}

/// A keeper that stops cannot wait for a person's words: nodes need none.
Result<> Admission::check_reason(const std::string& formation, const Caller& caller) const {
  const auto found = model_.formations.find(formation);
  if (!caller.reason.empty() || found == model_.formations.end() || !found->second.settings.require_reason) return {};
  return fail(Errc::bad_usage, "formation '" + formation + "' wants to know why (require_reason)",
              "give --reason TEXT: it is kept with the event");
}

Result<By> Admission::operate(const std::string& formation, const Caller& caller) const {
  AUTOCTL_TRY(may(Right::operate, formation, caller));
  AUTOCTL_TRY(write());
  AUTOCTL_TRY(check_reason(formation, caller));
  return signature(caller);
}

Result<By> Admission::administer(const std::vector<std::string>& formations, const Caller& caller) const {
  AUTOCTL_TRY(may(Right::administer, caller));
  AUTOCTL_TRY(write());
  for (const std::string& formation : formations) AUTOCTL_TRY(check_reason(formation, caller));
  return signature(caller);
}

Result<By> Admission::speak_for(const Node& node, const Caller& caller) const {
  if (!caller.links.empty() && !holds_link(caller.links, node.row.instance.id))
    return fail(Errc::twin, "another keeper is " + node.row.name + ", at " + node.row.host + ":" +
                                std::to_string(node.row.port) + "; this directory is a copy of it, or older");
  if (!is_itself(node, caller)) return operate(node.row.formation, caller);
  AUTOCTL_TRY(write());
  return signature(caller);
}

Result<By> Admission::enter(const std::string& formation, const Caller& caller) const {
  const Identity who = identify(caller);
  if (who.ended.empty() && !grants(who.role, Right::join))
    return fail(
        Errc::denied,
        caller.bearer.empty() ? "a node needs a credential to join" : "this credential does not let a node join",
        "`autoctl token create` on the monitor's host makes one, for --join-token-file");
  AUTOCTL_TRY(may(Right::join, formation, caller));
  AUTOCTL_TRY(write());
  return signature(caller);
}

Result<std::string> Admission::look(const Caller& caller, const std::string& formation) const {
  AUTOCTL_TRY(may(Right::look, caller));
  const Identity who = identify(caller);
  if (formation.empty() && who.formations.size() == 1) return who.formations.front();
  if (!who.formations.empty() && !who.covers(formation)) return fail(refusal_in(who, formation));
  return formation;
}

bool Admission::sees(const Caller& caller, const std::string& formation) const {
  return may(Right::look, formation, caller).has_value();
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
