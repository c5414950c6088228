#!/usr/bin/env bash
# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Every workload of the demo application: a web server on the ports of SERVE, and one stream of requests for each edge of
# CALL. The container's log holds what a test needs: each failed request, and every few seconds a count for each edge.
#
#   SERVE  ports, "8080 9100"
#   CALL   one edge a line, "name URL"; a connection of its own for each request, five of them a second
#   TIMES  0: for ever; otherwise requests on each edge, after which the container ends, with status 1 after a failure

set -u
BATCH=50
TELL_EVERY_S=3
TOKEN=/var/run/secrets/kubernetes.io/serviceaccount
declare -i TIMES=${TIMES:-0}
options=(--silent --http1.1 --no-progress-meter --output /dev/null --header "Connection: close" --connect-timeout 10 --max-time 15 --rate 5/s)
if [[ -f $TOKEN/token ]]; then
  options+=(--cacert $TOKEN/ca.crt --header "Authorization: Bearer $(< $TOKEN/token)")
fi

serve() {
  local port servers=""
  for port in $SERVE; do
    servers+="server { listen $port; listen [::]:$port; location / { return 200 'ok\n'; } } "
  done
  printf '%s\n' "pid /tmp/nginx.pid; error_log stderr; worker_processes 1; events { worker_connections 256; }" \
    "http { access_log off; default_type text/plain; $servers }" > /tmp/nginx.conf
  nginx -c /tmp/nginx.conf -g 'daemon off;' &
}

# requests URL COUNT: one line for each request, "exit-status http-status seconds". The count ends a curl process, so that
# the next one resolves the name again.
requests() {
  curl "${options[@]}" --write-out '%{stderr}%{exitcode} %{http_code} %{time_total}\n' "$1?[1-$2]" 2>&1 | grep --line-buffered -E '^[0-9]+ [0-9]{3} '
}

call() {
  local name=$1 url=$2 status http took now told=0
  local -i good=0 bad=0 slow=0 left=$TIMES
  until [[ $(requests "$url" 1) =~ ^0\ (200|301)\  ]]; do sleep 0.5; done
  printf '{"edge":"%s","started":%s}\n' "$name" "$EPOCHREALTIME"
  while ((TIMES == 0 || left > 0)); do
    while read -r status http took; do
      now=$EPOCHREALTIME
      left+=-1
      if [[ $status == 0 && ($http == 200 || $http == 301) ]]; then
        good+=1
        # As after a first packet that was lost and sent again a second later.
        [[ $took > 0.9 ]] && slow+=1
      else
        bad+=1
        printf '{"edge":"%s","failed_at":%s,"exit":%d,"http":%d,"took":%s}\n' "$name" "$now" "$status" "$((10#$http))" "$took"
      fi
      if ((${now%.*} - told >= TELL_EVERY_S)); then
        told=${now%.*}
        printf '{"edge":"%s","at":%s,"good":%d,"bad":%d,"slow":%d}\n' "$name" "$now" $good $bad $slow
      fi
    done < <(requests "$url" $((TIMES > 0 ? TIMES : BATCH)))
  done
  printf '{"edge":"%s","at":%s,"good":%d,"bad":%d,"slow":%d}\n' "$name" "$EPOCHREALTIME" $good $bad $slow
  ((bad == 0))
}

# A server serves on until nobody is sent to it any more, as a well-behaved one does when it is rolled out.
trap '[[ -n ${streams[*]:-} ]] && kill "${streams[@]}" 2> /dev/null; [[ -n ${SERVE:-} ]] && sleep 4; exit 0' TERM INT QUIT
streams=()
[[ -n ${SERVE:-} ]] && serve
while read -r name url; do
  if [[ -n $name ]]; then
    call "$name" "$url" &
    streams+=($!)
  fi
done <<< "${CALL:-}"

if ((TIMES == 0)); then
  wait
else
  result=0
  for stream in "${streams[@]}"; do wait "$stream" || result=1; done
  exit $result
fi
