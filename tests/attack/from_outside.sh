# By strangers, and by who has the URI of the monitor's Postgres.
# shellcheck shell=bash

as_autoctl_node() {
  PGPASSWORD=known PGCONNECT_TIMEOUT=5 psql -qXAt \
    "host=127.0.0.1 port=$monitor_port user=autoctl_node dbname=pg_auto_failover sslmode=require channel_binding=require" \
    -c "$1" 2>&1
}

what_autoctl_node_can() {
  local statement said
  for statement in 'select pg_advisory_lock(1)' 'create temp table t (i int)' 'select lo_create(0)' \
    'select * from autoctl.formation' 'select pg_notify($$a$$, $$b$$)' 'create table autoctl.t (i int)'; do
    said=$(as_autoctl_node "$statement")
    case $said in *"permission denied"* | *"may not"* | *"is not allowed"*) held A2 "autoctl_node: $statement" "${said:0:50}" ;;
      *) harm A2 "autoctl_node: $statement" "${said:0:80}" ;;
    esac
  done
}

# Says to be the server at that port: takes what comes, offers no TLS, and asks for the password in clear.
false_postgres() { # port, file for what it hears
  perl -MIO::Socket::INET -e '
    my $server;  # who had the port may still be dying
    for (1 .. 500) {
      $server = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Listen => 50, ReuseAddr => 1) and last;
      select(undef, undef, undef, 0.01);
    }
    $server or die "$!";
    open(my $heard, ">", $ARGV[1]); $heard->autoflush(1);
    while (my $client = $server->accept) {
      $client->autoflush(1);
      sysread($client, my $first, 8192); print $heard $first;
      syswrite($client, "N");                             # no TLS here
      sysread($client, my $second, 8192) or next; print $heard $second;
      syswrite($client, pack("aNN", "R", 8, 3));          # the password in clear, please
      sysread($client, my $third, 8192) or next; print $heard $third;
    }' "$1" "$2" &
  false_pid=$!
}

passwords_in_clear() {
  local conninfo password
  conninfo=$(sed -n "s/^primary_conninfo = '\(.*\)'$/\1/p" /tmp/d2/postgresql-autoctl.conf | sed "s/''/'/g")
  password=$(cut -d: -f5 /tmp/d2.autoctl/pgpass | tail -n 1)
  [ -n "$conninfo" ] && [ -n "$password" ] || give_up "d2's primary_conninfo was not found"
  false_postgres 7777 /tmp/heard
  eventually 5 listens 7777 || give_up "the false server does not listen"
  PGPASSWORD=canary PGCONNECT_TIMEOUT=3 psql -qX "host=127.0.0.1 port=7777 user=x dbname=postgres sslmode=prefer" -c '' >/dev/null 2>&1
  grep -qa canary /tmp/heard || give_up "the false server does not hear a password that is told: nothing is proved by it"
  for mode in require prefer; do
    PGPASSWORD=$password PGCONNECT_TIMEOUT=3 psql -qX "${conninfo//port=6001/port=7777} dbname=postgres sslmode=$mode" \
      -c 'select 1' >/dev/null 2>&1
  done
  kill "$false_pid"
  judge_without A4 "the replication password, asked for in clear (d2's conninfo)" "$(tr -d '\0' </tmp/heard)" "$password"
  case $(at_monitor show uri --monitor) in *channel_binding=require*) held A4 "the printed monitor URI" "channel_binding=require" ;;
    *) harm A4 "the printed monitor URI" "no channel_binding" ;;
  esac
}

# Something else has the dead primary's port: it is no sign of life.
listener_on_a_dead_primary() {
  local victim=d1 other=d2 began ms
  if is_primary default d2; then victim=d2 other=d1; fi
  began=$(now_ms)
  kill_node $victim
  false_postgres "${port_of[$victim]}" /tmp/heard
  until write $other $other; do [ $(($(now_ms) - began)) -lt 30000 ] || break; done
  ms=$(($(now_ms) - began))
  [ -s /tmp/heard ] || give_up "nobody has asked the false server: nothing is proved by it"
  kill "$false_pid"
  judge_outage A3 "a listener that answers N on default's dead primary's port" "$ms"
}

memory_kb() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$(head -n 1 /tmp/monitor.autoctl/autoctl.pid)/status"; }

exhaustion_by_strangers() {
  local fds=() fd i answered=0 before
  for ((i = 0; i < 64; ++i)); do exec {fd}<>/dev/tcp/127.0.0.1/8001 && fds+=("$fd"); done
  for ((i = 0; i < 12; ++i)); do
    [ "$(curl -sk --max-time 3 -o /dev/null -w '%{http_code}' https://127.0.0.1:8001/healthz)" = 200 ] && answered=$((answered + 1))
  done
  for fd in "${fds[@]}"; do exec {fd}>&-; done
  judge A6 "64 idle sockets at d1's keeper; 12 load balancers' probes" "12 answered" "$answered answered"
  head -c 1000000 /dev/zero | tr '\0' x >/tmp/large
  before=$(memory_kb)
  judge A6 "a body of 1 MB without a credential" 401 "$(api '' POST /v1/operations @/tmp/large)"
  for ((i = 0; i < 100; ++i)); do
    printf 'url = "%s/v1/operations"\noutput = "/dev/null"\n' "$monitor_url"
  done >/tmp/large-bodies
  curl -sk -Z --parallel-max 100 --max-time 10 -X POST --data-binary @/tmp/large -K /tmp/large-bodies >/dev/null 2>&1
  if [ $(($(memory_kb) - before)) -lt 20480 ]; then held A6 "100 of them at once" "$(($(memory_kb) - before)) kB more"; else
    harm A6 "100 of them at once" "$(($(memory_kb) - before)) kB more"
  fi
}

joining() {
  as_autoctl_node 'select registration_token from autoctl.api_endpoint()' >/tmp/entry
  judge A7 "api_endpoint()'s credential asks for a switchover" 403 "$(api /tmp/entry POST /v1/operations '{"kind": "switchover"}')"
  judge A7 "api_endpoint()'s credential makes a token" 403 "$(api /tmp/entry POST /v1/tokens '{"role": "admin"}')"
  judge A7 "a join token looks" 403 "$(api /tmp/join-secret GET '/v1/state?formation=shop')"
  judge A7 "a join token joins another formation" 403 "$(api /tmp/join-secret POST /v1/register '{"host": "127.0.0.1", "port": 9}')"
  judge_without A7 "the join token in what a node has written" "$(cat /tmp/s1.autoctl/autoctl.toml /tmp/s1.log)" "$(cut -d. -f2 /tmp/join-shop)"
}

# raw REQUEST: the first line of the monitor's answer.
raw() { printf "$1" | timeout 5 openssl s_client -quiet -connect 127.0.0.1:8000 2>/dev/null | head -n 1 | cut -d' ' -f2; }

smaller_things() {
  judge A9 "a keeper's /v1/status without a credential" 401 \
    "$(curl -sk --max-time 5 -o /dev/null -w '%{http_code}' https://127.0.0.1:8001/v1/status)"
  judge A9 "a request without Host" 400 "$(raw 'GET /healthz HTTP/1.1\r\n\r\n')"
  judge A9 "a request with two Hosts" 400 "$(raw 'GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n')"
  judge A9 "an unknown Transfer-Encoding" 400 "$(raw 'POST /v1/register HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n')"
  openssl s_client -connect 127.0.0.1:8000 -tls1_2 </dev/null >/dev/null 2>&1 || give_up "no TLS 1.2 at all: nothing is proved by it"
  if openssl s_client -connect 127.0.0.1:8000 -tls1_2 -cipher 'ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA' </dev/null >/dev/null 2>&1
  then harm A9 "TLS 1.2 with a CBC suite" "it is taken"; else held A9 "TLS 1.2 with a CBC suite" "refused"; fi
  mkdir -m 0777 /tmp/victim.autoctl
  if ctl create postgres --pgdata /tmp/victim --pgport 6099 --auth trust --ssl-self-signed --hostname 127.0.0.1 \
    --formation shop --monitor "$monitor_url" --join-token-file /tmp/join-many >/tmp/answer 2>&1
  then harm A9 "a world-writable <pgdata>.autoctl" "create takes it"
  elif grep -q 'victim.autoctl can be written by other users' /tmp/answer
  then held A9 "a world-writable <pgdata>.autoctl" "create refuses it"
  else give_up "create fails for another reason: $(cat /tmp/answer)"; fi
}
