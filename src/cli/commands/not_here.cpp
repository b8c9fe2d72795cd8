// Commands of pg_autoctl's that have no place here: each says why, and what to type instead. docs/coming-from-pg_auto_failover.md
// lists them all.
#include <fmt/format.h>

#include "cli/commands/commands.h"
#include "common/util/logging.h"
#include "common/util/program_name.h"

namespace autoctl::cli {

namespace {

struct Refusal {
  std::string_view path;
  std::string_view why;
  std::string_view instead;
};

constexpr std::string_view one_monitor =
    "one monitor decides, and a node does not move by itself: it could become a second primary";
constexpr std::string_view move_instead =
    "`autoctl explain` says what the group waits for; `autoctl perform switchover|promotion|failover` and `autoctl "
    "enable "
    "maintenance` move nodes";
constexpr std::string_view one_process = "one process is the keeper, or the monitor, and supervises Postgres";
constexpr std::string_view restart_instead =
    "`autoctl restart postgres` restarts Postgres, `autoctl reload` makes the process read its configuration, `autoctl "
    "stop` and `autoctl run` begin it anew";
constexpr std::string_view citus_follows = "the coordinator's keeper makes pg_dist_node follow the groups";
constexpr std::string_view citus_instead =
    "`autoctl show citus` shows how far it is, `autoctl activate` waits until this node is in it";
constexpr std::string_view keeper_does = "the keeper does it whenever it is needed";
constexpr std::string_view no_node_file = "no file describes a node";
constexpr std::string_view node_instead =
    "`autoctl create postgres … --run`: options, or PG_AUTOCTL_… in the environment; given again, it only runs. "
    "`autoctl "
    "config get|set` for what is to change";
constexpr std::string_view own_demo = "there are no tmux scripts";
constexpr std::string_view demo_instead =
    "`autoctl demo --keep` leaves a formation running, with `--citus` one of Citus";
constexpr std::string_view renamed = "it has another name";

constexpr Refusal refusals[] = {
    {"inspect monitor parse-notification", "the monitor tells of changes over its API, not with NOTIFY",
     "`autoctl show events --follow --json`: one object a line"},

    {"inspect pgsetup hba-lan", "it changes pg_hba.conf, and the keeper does that",
     "`autoctl config set postgresql.pg_hba_lan true`, then `autoctl reload`"},

    {"manual fsm init", "`autoctl create` makes a node's state, and only the monitor's goals change it",
     "`autoctl create postgres`, or `autoctl enable monitor` for a node that lost its monitor"},
    {"manual fsm assign", one_monitor, move_instead},
    {"manual fsm step report", "the keeper reports by itself, at once when something has changed", move_instead},
    {"manual fsm step advance", one_monitor, move_instead},
    {"manual fsm nodes get", "there is no mode without a monitor, and so no list of nodes to keep by hand",
     "`autoctl show state`; what a node remembers is in `autoctl show file --state --contents`"},
    {"manual fsm nodes set", "there is no mode without a monitor, and so no list of nodes to keep by hand",
     "`autoctl set node metadata` where a node has moved"},

    {"manual service restart listener", one_process, restart_instead},
    {"manual service restart node-active", one_process, restart_instead},

    {"manual monitor register", "`autoctl create` registers a node, once",
     "`autoctl create postgres`, or `autoctl enable monitor` for a node that lost its monitor"},
    {"manual monitor active", "the keeper reports by itself, at once when something has changed",
     "`autoctl show state`; by hand: docs/api.md"},
    {"manual monitor version", "the monitor brings its own schema up to date when it starts",
     "`autoctl version` here; `autoctl config check` asks the monitor, too"},

    {"manual primary slot create", "the keeper makes a slot for each other node, and drops those of nodes that left",
     "`select * from pg_replication_slots` shows them; slots of other names are yours"},
    {"manual primary slot drop", "the keeper makes a slot for each other node, and drops those of nodes that left",
     "`autoctl drop node`; slots of other names are yours: `select pg_drop_replication_slot('…')`"},
    {"manual primary adduser monitor", "the monitor logs in to no node", "nothing is to be done"},
    {"manual primary adduser replica", "each node replicates as a role of its own, which the keepers make",
     "`autoctl rotate password` replaces its password"},
    {"manual primary defaults", keeper_does, "`autoctl reload`; `autoctl inspect pgsetup tune` prints the settings"},

    {"manual primary identify", "the monitor knows timeline and position of each node",
     "`autoctl show state`, `autoctl show timeline`"},

    {"manual standby init", keeper_does, "`autoctl drop node --destroy`, then `autoctl create postgres`: a new copy"},
    {"manual standby rewind", keeper_does, "`autoctl run`: a former primary rewinds itself"},
    {"manual standby crash-recovery", keeper_does, "`autoctl run`: a former primary recovers, then rewinds itself"},
    {"manual standby promote", one_monitor, "`autoctl perform promotion --name NODE`"},

    {"manual coordinator add", citus_follows, citus_instead},
    {"manual coordinator activate", citus_follows, citus_instead},
    {"manual coordinator remove", citus_follows, "`autoctl drop node`"},
    {"manual coordinator update prepare", citus_follows, citus_instead},
    {"manual coordinator update commit", citus_follows, citus_instead},
    {"manual coordinator update rollback", citus_follows, citus_instead},

    {"node run", no_node_file, node_instead},
    {"node init", no_node_file, node_instead},
    {"node apply", no_node_file, node_instead},
    {"node start", no_node_file, node_instead},
    {"node show", no_node_file, "`autoctl config get` prints what `create` was told"},
    {"node check", no_node_file, "`autoctl config check`"},
    {"node post-init", no_node_file, node_instead},

    // Of what follows these words nothing is looked at: `do tmux compose session`.
    {"do tmux", own_demo, demo_instead},
    {"do demo", "there is no demo application of its own", demo_instead},
    {"do service", one_process, "`autoctl inspect getpid`, `autoctl restart postgres`, `autoctl run`"},
    {"internal tmux", own_demo, demo_instead},
    {"internal demo", "there is no demo application of its own", demo_instead},
    {"internal service", one_process, "`autoctl inspect getpid`, `autoctl restart postgres`, `autoctl run`"},

    // Earlier versions of pg_autoctl.
    {"do show", renamed, "`autoctl inspect show`"},
    {"do pgsetup", renamed, "`autoctl inspect pgsetup`"},
    {"do fsm", renamed, "`autoctl inspect fsm`, `autoctl manual fsm`"},
    {"do monitor", renamed, "`autoctl inspect monitor`"},
    {"do primary", renamed, "`autoctl manual primary`"},
    {"do standby", renamed, "`autoctl manual standby`"},
    {"do coordinator", renamed, citus_instead},
};

void add_refusal(Verb parent, Invocation& invocation, const std::string& name, const Refusal& refusal) {
  parent.add_leaf(name, std::string(refusal.why), std::string(refusal.instead))
      .hide()
      .take_anything()
      .on_parsed([&invocation, &refusal](const std::string& path) {
        invocation.command = path;
        invocation.run = [path, &refusal]() -> Result<ExitCode> {
          logging::error({Errc::internal, fmt::format("there is no `{} {}`: {}", program_name(), path, refusal.why),
                          std::string(refusal.instead)});
          return ExitCode::not_here;
        };
      });
}

}  // namespace

void add_not_here(std::map<std::string, Verb> groups, Invocation& invocation) {
  const auto group = [&](auto self, const std::string& path) -> Verb {
    if (const auto found = groups.find(path); found != groups.end()) return found->second;
    const auto space = path.rfind(' ');
    const Verb parent = self(self, space == std::string::npos ? "" : path.substr(0, space));
    Verb made = Verb(parent).add_group(path.substr(space + 1), "what pg_autoctl has, and why not here").hide();
    groups.insert_or_assign(path, made);
    return made;
  };
  for (const Refusal& refusal : refusals) {
    const std::string path(refusal.path);
    const auto space = path.rfind(' ');
    add_refusal(group(group, path.substr(0, space)), invocation, path.substr(space + 1), refusal);
  }
}

}  // namespace autoctl::cli
