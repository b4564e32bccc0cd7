#!/bin/sh
# The edge beside nginx and haproxy as TLS reverse proxies of the same origin, with the same
# certificate and the same loads, in turns; and whole ways: visitor, edge, connector, origin, and the
# same made of two nginx with TLS between them. Prints Markdown.
#
#   sh tests/bench/proxies.sh [WORKLOAD...]
#
# WORKERS: the sizes of each proxy (1 2). BENCH_SECONDS (2), BENCH_ROUNDS (3); see lib.sh.
. "$(dirname "$0")/lib.sh"

BENCH_SECONDS=${BENCH_SECONDS:-2}
BENCH_ROUNDS=${BENCH_ROUNDS:-3}
WORKERS=${WORKERS:-1 2}
need nginx nginx-light
need haproxy haproxy

# What each workload asks, and what is told of it: requests or bytes.
workload() {
    case $1 in
        h1-1k) told=requests options="--connections 64 --expect 1024" path=/bytes/1024 ;;
        h2-1k) told=requests options="--http2 --connections 4 --streams 16 --expect 1024" path=/bytes/1024 ;;
        h1-1m) told=bytes options="--connections 8 --expect 1048576" path=/bytes/1048576 ;;
        h2-1m) told=bytes options="--http2 --connections 4 --streams 4 --expect 1048576" path=/bytes/1048576 ;;
        h1-up) told=bytes options="--connections 8 --post 1048576" path=/ ;;
        h2-up) told=bytes options="--http2 --connections 4 --streams 4 --post 1048576" path=/ ;;
        *) give_up "workloads: h1-1k h2-1k h1-1m h2-1m h1-up h2-up" ;;
    esac
}

title() {
    case $1 in
        h1-1k) echo "HTTP/1.1, 1 KiB answers, 64 connections" ;;
        h2-1k) echo "HTTP/2, 1 KiB answers, 4 connections, 16 streams each" ;;
        h1-1m) echo "HTTP/1.1, 1 MiB answers, 8 connections" ;;
        h2-1m) echo "HTTP/2, 1 MiB answers, 4 connections, 4 streams each" ;;
        h1-up) echo "HTTP/1.1, uploads of 1 MiB, 8 connections" ;;
        h2-up) echo "HTTP/2, uploads of 1 MiB, 4 connections, 4 streams each" ;;
    esac
}

# ---- Who is compared: NAME, its port, the processes at the visitor's side and those behind ----------

contestants=

# enter NAME LABEL PORT FRONT-PIDS [BACK-PIDS]
enter() {
    contestants="$contestants $1"
    echo "$2" >"$work/label.$1"
    echo "$3 $4 ${5:-}" >"$work/contestant.$1"
}

# The process and its children, with commas.
family() {
    echo "$1 $(cat "/proc/$1/task/$1/children")" | sed 's/ *$//' | tr -s ' ' ','
}

listens() {
    curl -sk -o "$work/answer" "https://127.0.0.1:$1/bytes/0"
}

# nginx_start NAME WORKERS UPSTREAM-SCHEME UPSTREAM: sets $port and $started.
nginx_start() {
    free_port
    mkdir -p "$work/nginx-$1"
    cat >"$work/nginx-$1.conf" <<END
worker_processes $2;
daemon off;
pid $work/nginx-$1/pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path $work/nginx-$1/body;
    proxy_temp_path $work/nginx-$1/proxy;
    fastcgi_temp_path $work/nginx-$1/fastcgi;
    uwsgi_temp_path $work/nginx-$1/uwsgi;
    scgi_temp_path $work/nginx-$1/scgi;
    keepalive_requests 100000000;
    upstream next {
        server $4;
        keepalive 256;
        keepalive_requests 100000000;
    }
    server {
        listen 127.0.0.1:$port ssl http2;
        ssl_certificate $site.pem;
        ssl_certificate_key $site.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        client_max_body_size 0;
        location / {
            proxy_pass $3://next;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host \$host;
            proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
            proxy_request_buffering off;
            proxy_max_temp_file_size 0;
        }
    }
}
END
    start "nginx-$1" nginx -e stderr -p "$work/nginx-$1" -c "$work/nginx-$1.conf"
    wait_for "nginx-$1" listens "$port"
}

haproxy_start() {
    free_port
    cat "$site.pem" "$site.key" >"$work/haproxy.pem"
    cat >"$work/haproxy-$1.cfg" <<END
global
    nbthread $2
    maxconn 4096
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    option forwardfor
    http-reuse always
frontend visitors
    bind 127.0.0.1:$port ssl crt $work/haproxy.pem alpn h2,http/1.1
    default_backend next
backend next
    server origin $origin_at pool-max-conn 256
END
    start "haproxy-$1" haproxy -db -f "$work/haproxy-$1.cfg"
    wait_for "haproxy-$1" listens "$port"
}

# culvert_start NAME WORKERS LABEL: an edge and its connector, as far as they have workers.
culvert_start() {
    state=$work/state-$1
    workers_flag=
    if has_option "$CULVERT" "--workers" edge run; then
        workers_flag="--workers $2"
    fi
    # shellcheck disable=SC2086
    edge_start 127.0.0.1 $workers_flag
    tunnel_make app
    # shellcheck disable=SC2086
    if has_option "$CULVERT" "--workers" tunnel run; then
        connector_start "$CULVERT" app --workers "$2"
    else
        connector_start "$CULVERT" app
    fi
    enter "$1" "Culvert: edge, connector, $3" "${https##*:}" "$edge" "$connector"
}

origin_start
site_make
for count in $WORKERS; do
    [ "$count" = 1 ] && each="1 worker" || each="$count workers"
    nginx_start "$count" "$count" http "$origin_at"
    enter "nginx-$count" "nginx, $each" "$port" "$(family "$started")"
    haproxy_start "$count" "$count"
    enter "haproxy-$count" "haproxy, $each" "$port" "$started"
    nginx_start "back-$count" "$count" http "$origin_at"
    back=$(family "$started")
    nginx_start "front-$count" "$count" https "127.0.0.1:$port"
    enter "nginx-nginx-$count" "nginx, nginx, $each each" "$port" "$(family "$started")" "$back"
    culvert_start "culvert-$count" "$count" "$each each"
done

# ---- The loads, in turns ----------------------------------------------------------------------------

# measure CONTESTANT WORKLOAD
measure() {
    workload "$2"
    read -r at front back <"$work/contestant.$1"
    # shellcheck disable=SC2086
    load $options --seconds "$BENCH_SECONDS" --warm-up 0.3 --ca "$site.pem" \
        --connect "127.0.0.1:$at" --process front="$front" --process all="$front${back:+,$back}" \
        "https://app.localhost:$at$path"
    if [ $told = requests ]; then
        keep "$1.$2.rate" "$(figure per_s)"
        for part in front all; do
            keep "$1.$2.$part" "$(figure ms_per_1000 $part | awk '{ print ($1 > 0 ? 1e6 / $1 : 0) }')"
        done
    else
        keep "$1.$2.rate" "$(awk "BEGIN { print ($(figure down_mbit_s) + $(figure up_mbit_s)) / 8 }")"
        for part in front all; do
            keep "$1.$2.$part" "$(figure s_per_gib $part)"
        done
    fi
    keep "$1.$2.p99" "$(figure p99_us | awk '{ print $1 / 1000 }')"
    keep "$1.$2.front-rss" "$(figure peak_kib front | awk '{ print $1 / 1024 }')"
}

[ $# -gt 0 ] || set -- h1-1k h2-1k h1-1m h2-1m h2-up
for round in $(seq "$BENCH_ROUNDS"); do
    for name; do
        say "round $round: $name"
        for who in $contestants; do
            measure "$who" "$name"
        done
    done
done

# ---- The tables -------------------------------------------------------------------------------------

machine
printf '%s; %s; origin %s.\n' "$(nginx -v 2>&1 | sed 's|.*nginx/|nginx |')" \
    "$(haproxy -v | sed -n '1s/HAProxy version \([^ ]*\).*/haproxy \1/p')" "bench-origin, in clear"
printf '%s rounds of %s s, medians with smallest and largest.\n' "$BENCH_ROUNDS" "$BENCH_SECONDS"
for name; do
    workload "$name"
    if [ $told = requests ]; then
        units="requests/s | requests per core-second | of the whole way"
        digits=0
    else
        units="MB/s | CPU s per GiB | of the whole way"
        digits=2
    fi
    printf '\n%s:\n\n| | %s | p99, ms | RSS at most, MiB |\n|---|---|---|---|---|---|\n' \
        "$(title "$name")" "$units"
    for who in $contestants; do
        printf '| %s | %s | %s | %s | %s | %s |\n' "$(cat "$work/label.$who")" "$(cell "$who.$name.rate" 0)" \
            "$(cell "$who.$name.front" $digits)" "$(cell "$who.$name.all" $digits)" \
            "$(cell "$who.$name.p99" 1)" "$(cell "$who.$name.front-rss" 0)"
    done
done
