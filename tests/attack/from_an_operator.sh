# With operators' tokens: a viewer's, and one for formation shop only.
# shellcheck shell=bash

operators_tokens() {
  at_monitor token create --role viewer --name spy >/tmp/viewer
  at_monitor token create --role operator --formation shop --name alice >/tmp/alice
  local path
  judge B "a viewer asks for a switchover" 403 "$(api /tmp/viewer POST /v1/operations '{"kind": "switchover"}')"
  judge B "a viewer drops a node" 403 "$(api /tmp/viewer DELETE "/v1/nodes/${id_of[s2]}")"
  judge B "a viewer makes a token" 403 "$(api /tmp/viewer POST /v1/tokens '{"role": "admin"}')"
  judge B "shop's operator pauses formation default" 403 \
    "$(api /tmp/alice PATCH '/v1/settings?formation=default' '{"values": {"paused": "true"}}')"
  judge B "shop's operator drops a node of default" 403 "$(api /tmp/alice DELETE "/v1/nodes/${id_of[d2]}")"
  for path in state explain events settings; do
    judge B "shop's operator reads default's $path" 403 "$(api /tmp/alice GET "/v1/$path?formation=default")"
  done
  judge B "shop's operator makes himself an admin" 403 "$(api /tmp/alice POST /v1/tokens '{"role": "admin"}')"
  judge B "shop's operator changes a setting of shop (he may)" 200 \
    "$(api /tmp/alice PATCH '/v1/settings?formation=shop&reason=it%20is%20mine' '{"values": {"startup_grace": "7000"}}')"
  case $(at_monitor show events --formation shop --count 5) in
    *'operator token'*'"alice"'*'reason: it is mine'*) held B "who did it, and why, is in the event" "alice" ;;
    *) harm B "who did it, and why, is in the event" "not there" ;;
  esac
  at_monitor token list >/tmp/answer
  at_monitor token revoke "$(awk -F'|' '/alice/ { gsub(/ /, "", $1); print $1 }' /tmp/answer)" >/dev/null 2>&1
  judge B "shop's operator goes on with a revoked token" 403 \
    "$(api /tmp/alice PATCH '/v1/settings?formation=shop' '{"values": {"startup_grace": "8000"}}')"
}
