# With the credential of a node: d2 is the standby of formation default, s2 that of shop.
# shellcheck shell=bash

hba_of() { md5sum <"/tmp/$1/pg_hba.conf"; }

strings_that_reach_files() {
  local before host
  before=$(hba_of d1)
  for host in 'x.invalid scram-sha-256\nhost all all 127.0.0.0/8 trust\n#' all samenet 0.0.0.0/0 'localhost trust #'; do
    judge A1 "a report's host: ${host:0:40}" 400 "$(report d2 "{\"host\": \"$host\", \"port\": 6002, \"facts\": {\"state\": \"secondary\"}}")"
  done
  judge A1 "a node registers with a name of two lines" 400 \
    "$(api /tmp/monitor.autoctl/token POST /v1/register '{"host": "10.0.0.1", "port": 1, "name": "a\nb"}')"
  judge A1 "a formation whose dbname has two lines" 400 \
    "$(api /tmp/monitor.autoctl/token POST /v1/formations '{"name": "evil", "dbname": "a\nhost all all all trust"}')"
  sleep 1 # what was taken in would be in the file by now
  judge_same A1 "the primary's pg_hba.conf afterwards" "$before" "$(hba_of d1)"
}

one_nodes_credential() {
  local many
  many=$(for ((i = 0; i < 10000; ++i)); do printf '{"number": %d, "text": "x"},' "$i"; done)
  judge A5 "a report's host of 3,500 characters" 400 \
    "$(report d2 "{\"host\": \"$(printf 'h%.0s' {1..3500})\", \"port\": 6002, \"facts\": {\"state\": \"secondary\"}}")"
  judge A5 "10,000 news in a report" 400 "$(echo "{\"news\": [${many%,}], \"facts\": {\"state\": \"secondary\"}}" >/tmp/news; report d2 @/tmp/news)"
  judge A5 "epoch 2^64-1" 400 "$(report d2 '{"epoch": 18446744073709551615, "facts": {"state": "secondary"}}')"
  judge A5 "a former node's id of 2^63-1" 400 "$(api /tmp/monitor.autoctl/token POST /v1/register \
    '{"host": "10.0.0.1", "port": 1, "group": 0, "formation": "late", "former": {"id": 9223372036854775807, "replication_password": "x"}}')"
  judge A5 "a node reports in another one's name" 403 \
    "$(api "$(credential_of s2)" POST "/v1/nodes/${id_of[s1]}/report" '{"facts": {"state": "primary"}}')"
  judge A5 "a node drops another one" 403 "$(api "$(credential_of s2)" DELETE "/v1/nodes/${id_of[s1]}")"
  judge A5 "a node pauses its formation" 403 "$(api "$(credential_of s2)" PATCH '/v1/settings?formation=shop' '{"values": {"paused": "true"}}')"
  judge A5 "shop's primary leaves, by its own credential" 409 "$(api "$(credential_of s1)" POST "/v1/nodes/${id_of[s1]}/leave" '{}')"
  judge A9 "a node reads another formation" 403 "$(api "$(credential_of s2)" GET '/v1/state?formation=default')"
  crowd_of_silent_nodes
  judge A5 "the monitor's Postgres is still the store" '"store_available":true' \
    "$(api /tmp/monitor.autoctl/token GET /v1/state >/dev/null; grep -o '"store_available":[a-z]*' /tmp/answer)"
}

# In place of its own keeper, whose link is another one every now and then.
speaks_for_s2() {
  local link
  link=$(sed -n 's/.*"id":"\([^"]*\)".*/\1/p' /tmp/s2.autoctl/instance.json)
  [ "$(report s2 "{\"epoch\": 4000000000, \"instance\": {\"id\": \"$link\"}, \"facts\": {\"state\": \"secondary\"},
    \"news\": [{\"number\": 1, \"text\": \"\\u001b[2Jforged\\nrow\"}]}")" = 200 ]
}

# Last of all, as the node itself is shut out by that: what it says is believed of it.
forged_words() {
  local events
  eventually 10 speaks_for_s2 || give_up "the node's own credential says nothing for it: $(cat /tmp/answer)"
  events=$(at_monitor show events --formation shop --count 50)
  case $events in *forged*) ;; *) give_up "the news was not taken in: nothing is proved by that" ;; esac
  judge_without A5 "escape sequences in what a node tells" "$events" $'\e'
  judge A5 "its second line as a row of its own" 0 "$(grep -c '^row' <<<"$events")"
}

# Nodes that are registered and never report.
crowd_of_silent_nodes() {
  local i status=
  at_monitor token create --formation shop --nodes 100 --name attacker >/tmp/join-many
  cut -d. -f2 /tmp/join-many >/tmp/join-secret
  for ((i = 0; i < 60; ++i)); do
    status=$(api /tmp/join-secret POST /v1/register \
      "{\"host\": \"127.0.0.1\", \"port\": $((20000 + i)), \"formation\": \"shop\", \"name\": \"ghost$i\"}")
    [ "$status" = 200 ] || break
  done
  judge A5 "$i silent nodes in one group, and one more" 409 "$status"
}

# As fast as it can, over 64 connections; the other formation's primary dies meanwhile.
flood_of_reports() {
  local curl_pid before ms
  before=$(state_of shop | grep -E '^ *s[12] ' | cut -d'|' -f1,2,6-)
  for ((i = 0; i < 50000; ++i)); do
    printf 'url = "%s/v1/nodes/%s/report"\noutput = "/dev/null"\n' "$monitor_url" "${id_of[s2]}"
  done >/tmp/flood
  curl -sS -Z --parallel-max 64 --cacert /tmp/monitor.autoctl/server.crt -X POST \
    -H "Authorization: Bearer $(cat "$(credential_of s2)")" --data '{"protocol": 1, "facts": {"state": "secondary"}}' \
    -K /tmp/flood >/dev/null 2>&1 &
  curl_pid=$!
  eventually 15 says_over_budget || harm A5 "a node's reports without end" "nobody says so"
  ms=$(outage d1 d2)
  judge_outage A5 "reports of shop's s2 without end; default's primary is killed" "$ms"
  sleep 5 # longer than silence_timeout: who is not heard would be suspected by now
  kill -0 "$curl_pid" 2>/dev/null || give_up "the flood has ended too early"
  judge_same A5 "the states of shop's nodes meanwhile" "$before" "$(state_of shop | grep -E '^ *s[12] ' | cut -d'|' -f1,2,6-)"
  judge_without A5 "a suspicion against one of shop's" "$(at_monitor show events --formation shop --count 200 | grep -E ' s[12] is ')" unreachable
  kill "$curl_pid"
  wait "$curl_pid" 2>/dev/null
  bring_back d1 default
}
says_over_budget() { at_monitor show events --formation shop --count 50 | grep -q 's2 sends more than its budget'; }
