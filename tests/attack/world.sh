# What is attacked, and the words in which the result is said. Read by attack.sh; runs in ./scripts/sandbox, where /tmp, the
# ports and all processes are its own.
# shellcheck shell=bash

harm_done=0
# finding, what was tried, what came of it
held() { printf '  held  %-4s %-62s %s\n' "$1" "$2" "$3"; }
harm() {
  printf '! HARM  %-4s %-62s %s\n' "$1" "$2" "$3"
  harm_done=1
}
# finding, what, wanted, found
judge() { if [ "$3" = "$4" ]; then held "$1" "$2" "$4"; else harm "$1" "$2" "$4, and not $3"; fi; }
# finding, what, before, after
judge_same() { if [ "$3" = "$4" ]; then held "$1" "$2" "as before"; else harm "$1" "$2" "it was $3, and is $4"; fi; }
# finding, what, text, what must not be in it
judge_without() {
  if grep -qF -e "$4" <<<"$3"; then harm "$1" "$2" "\"$4\" is there"; else held "$1" "$2" "not there"; fi
}
give_up() {
  echo "attack: $*" >&2
  tail -n 20 /tmp/*.log >&2
  exit 2
}

# eventually SECONDS COMMAND…: its success, or failure when the time is over.
eventually() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.1
  done
}
now_ms() { date +%s%3N; }

ctl() { "$autoctl" -q "$@"; }
at_monitor() { ctl "$@" --pgdata /tmp/monitor; }
state_of() { at_monitor show state --formation "$1"; }
has_pair() { [ "$(state_of "$1" 2>/dev/null | grep -cE '\| +(primary|secondary) \| +(primary|secondary)$')" -eq 2 ]; }
is_primary() { [ "$(state_of "$1" 2>/dev/null | grep -cE "^ *$2 .*\| +(wait_)?primary$")" -eq 1 ]; }

# The servers, by formation: name of the node, its port.
monitor_port=6000
monitor_url=https://127.0.0.1:8000
declare -A port_of=([d1]=6001 [d2]=6002 [s1]=6011 [s2]=6012)
declare -A id_of=()

start_node() { # name, formation, method
  ctl create postgres --pgdata "/tmp/$1" --name "$1" --pgport "${port_of[$1]}" --formation "$2" --auth "$3" \
    --ssl-self-signed --hostname 127.0.0.1 --monitor "$monitor_url" --join-token-file "/tmp/join-$2" \
    >>"/tmp/$1.log" 2>&1 || give_up "cannot create $1"
  run "$1"
}
run() {
  "$autoctl" run --pgdata "/tmp/$1" >>"/tmp/$1.log" 2>&1 &
  disown # its end is no news
}

# A monitor with scram and TLS; formation default like it, formation shop with trust.
start_world() {
  umask 077
  ctl create monitor --pgdata /tmp/monitor --pgport $monitor_port --auth scram-sha-256 --ssl-self-signed \
    --hostname 127.0.0.1 >>/tmp/monitor.log 2>&1 || give_up "cannot create the monitor"
  run monitor
  eventually 30 at_monitor show state >/dev/null 2>&1 || give_up "the monitor does not answer"
  at_monitor create formation --formation shop >/dev/null
  local formation
  for formation in default shop; do
    at_monitor token create --formation $formation --nodes 2 >/tmp/join-$formation
  done
  psql -qXh /tmp/monitor.autoctl -p $monitor_port pg_auto_failover -c "select autoctl.set_node_password('known')" >/dev/null
  start_node d1 default scram-sha-256
  start_node s1 shop trust
  eventually 60 is_single default && eventually 60 is_single shop || give_up "there are no first nodes"
  start_node d2 default scram-sha-256
  start_node s2 shop trust
  eventually 60 has_pair default && eventually 60 has_pair shop || give_up "there are no standbys"
  local name
  for name in d1 d2 s1 s2; do id_of[$name]=$(sed -n 's/^node = //p' /tmp/$name.autoctl/autoctl.toml); done
}
is_single() { state_of "$1" | grep -qE '\| +single$'; }

# api CREDENTIAL METHOD PATH [BODY]: the HTTP status; the body is in /tmp/answer. A credential is the name of its file.
api() {
  local bearer=()
  [ -z "$1" ] || bearer=(-H "Authorization: Bearer $(head -n 1 "$1")")
  curl -sS --max-time 10 --cacert /tmp/monitor.autoctl/server.crt -o /tmp/answer -w '%{http_code}' -X "$2" \
    "${bearer[@]}" --data-binary "${4:-}" "$monitor_url$3" 2>/tmp/curl-error || true
}
credential_of() { echo "/tmp/$1.autoctl/token"; }
# report NODE JSON: in that node's name, with its credential.
report() { api "$(credential_of "$1")" POST "/v1/nodes/${id_of[$1]}/report" "$2"; }

# As the operating system's user, past pg_hba.conf's network lines.
sql() { PGCONNECT_TIMEOUT=5 psql -qXAt -h /tmp -p "${port_of[$1]}" postgres -c "$2" 2>&1; }
# Where one of the two takes writes.
write() {
  PGCONNECT_TIMEOUT=1 timeout 3 psql -qXAt \
    "host=/tmp,/tmp port=${port_of[$1]},${port_of[$2]} dbname=postgres target_session_attrs=read-write" \
    -c 'insert into written default values' >/dev/null 2>&1
}
# All of its processes at once, as when the machine ends.
kill_node() {
  local keeper postmaster
  keeper=$(head -n 1 "/tmp/$1.autoctl/autoctl.pid")
  postmaster=$(head -n 1 "/tmp/$1/postmaster.pid")
  # shellcheck disable=SC2046
  kill -9 "$keeper" "$postmaster" $(pgrep -P "$postmaster") 2>/dev/null
}
# Is something there that takes connections?
listens() { (: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
# outage VICTIM OTHER: kills it; prints after how many ms the other one took a write.
outage() {
  local began
  began=$(now_ms)
  kill_node "$1"
  until write "$1" "$2"; do
    [ $(($(now_ms) - began)) -lt 30000 ] || break
  done
  echo $(($(now_ms) - began))
}
judge_outage() { # finding, what, ms
  if [ "$3" -le "${AUTOCTL_OUTAGE_MS:-2000}" ]; then held "$1" "$2" "writes elsewhere after $3 ms"; else
    harm "$1" "$2" "no writes for $3 ms"
  fi
}
bring_back() { # node, formation
  run "$1"
  eventually 60 has_pair "$2" || give_up "$1 does not come back"
}
