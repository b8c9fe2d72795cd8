#!/bin/bash
# The attacks, by the numbers of the findings of issue 14. Started by scripts/attack.
set -u
autoctl=$1
if [ "${AUTOCTL_SANDBOX:-no}" != yes ]; then # /tmp and the ports are used as if nobody else were there
  echo "attack: skipped, as there are no namespaces to be had here" >&2
  exit 77
fi
# None of the processes outlives the script: its directories can be removed.
[ "$$" -eq 1 ] || exec unshare --pid --fork --kill-child --mount-proc bash "$0" "$@"
here=$(dirname -- "$0")
# shellcheck source=tests/attack/world.sh
. "$here/world.sh"
# shellcheck source=tests/attack/from_a_node.sh
. "$here/from_a_node.sh"
# shellcheck source=tests/attack/from_outside.sh
. "$here/from_outside.sh"
# shellcheck source=tests/attack/from_an_operator.sh
. "$here/from_an_operator.sh"

echo "A monitor (scram-sha-256, TLS), formation default (scram-sha-256, TLS), formation shop (trust), two nodes each"
start_world
sql d1 'create table written (i serial)'
sql s1 'create table written (i serial)'
echo "Attacked after $SECONDS s:"
strings_that_reach_files
what_autoctl_node_can
passwords_in_clear
one_nodes_credential
exhaustion_by_strangers
joining
smaller_things
operators_tokens
flood_of_reports
listener_on_a_dead_primary
forged_words
if [ "$harm_done" -eq 0 ]; then echo "Nothing did harm ($SECONDS s)"; else echo "Harm was done ($SECONDS s)"; fi
exit "$harm_done"
