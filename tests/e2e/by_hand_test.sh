#!/bin/sh
# The README's way by hand: an edge, an account certificate, a tunnel, a route, a connector in front
# of nginx, and curl as the visitor.
. "$(dirname "$0")/lib.sh"

# ---- An origin: nginx with files and ranges ------------------------------------------------------

nginx_port=$(free_port)
mkdir -p "$work/www"
printf 'hello from nginx\n' >"$work/www/index.html"
head -c 20000000 /dev/urandom >"$work/www/big"
nginx_start nginx <<CONF
    client_max_body_size 100m;
    server {
        listen 127.0.0.1:$nginx_port;
        root $work/www;
        location /echo { return 200 "\$request_method \$request_uri \$http_host\n"; }
    }
CONF
wait_for "nginx answers" curl -fsS "http://127.0.0.1:$nginx_port/"

# ---- The commands of the README ------------------------------------------------------------------

rmdir "$HOME/.cloudflared" # a fresh home has none
edge_start
same "run.json is for the owner alone" "$(stat -c %a "$state/run.json")" 600
cert_make
same "so is the new directory around cert.pem" "$(stat -c %a "$HOME/.cloudflared")" 700
same "cert.pem is for the owner alone" "$(stat -c %a "$HOME/.cloudflared/cert.pem")" 600
check "a tunnel is created" "$CULVERT" tunnel create web
credentials=$(ls "$HOME"/.cloudflared/*.json)
same "credentials are for the owner, read only" "$(stat -c %a "$credentials")" 400
id=$(basename "$credentials" .json)
has "list shows it" "$("$CULVERT" tunnel list)" "$id"
check "a name is routed" "$CULVERT" tunnel route dns web app.localhost
status "what is no host name is not routed" 1 "$CULVERT" tunnel route dns web 'a b.localhost'
same "that is said once" "$(grep -o 'not a valid hostname' "$work/err" | wc -l)" 1
status "the name of a tunnel is taken once" 1 "$CULVERT" tunnel create web

port=${http##*:}
sport=${https##*:}
code_of() {
    get app.localhost -o /dev/null -w '%{http_code}' "http://$1:$port/"
}
same "no connector yet: 503" "$(code_of app.localhost)" 503

cat >"$HOME/.cloudflared/config.yml" <<YAML
tunnel: $id
credentials-file: $credentials
ingress:
  - hostname: app.localhost
    service: http://127.0.0.1:$nginx_port
  - service: http_status:404
YAML
connector_start web

# ---- Visitors ------------------------------------------------------------------------------------

same "http" "$(get app.localhost "http://app.localhost:$port/")" "hello from nginx"
same "h2c by prior knowledge" "$(get app.localhost --http2-prior-knowledge -w '%{http_version}' \
    "http://app.localhost:$port/")" "hello from nginx
2"
for version in 1.1 2; do
    same "https, HTTP/$version" "$(curl -sS --max-time 20 --cacert "$ca" --http$version \
        -w '%{http_version}' --resolve "app.localhost:$sport:127.0.0.1" \
        "https://app.localhost:$sport/")" "hello from nginx
$version"
done
same "the origin sees method, raw path and host" "$(get app.localhost -X DELETE \
    "http://app.localhost:$port/echo/%2e/x?y=1")" "DELETE /echo/%2e/x?y=1 app.localhost:$port"
get app.localhost -o "$work/big" "http://app.localhost:$port/big"
check "20 MB come down unchanged" cmp "$work/big" "$work/www/big"
has "a range is a range" "$(get app.localhost -i -r 0-4 "http://app.localhost:$port/")" \
    "HTTP/1.1 206"
same "HEAD has a length and no body" "$(get app.localhost -I "http://app.localhost:$port/" |
    tr -d '\r' | sed -n 's/^Content-Length: //p')" 17
same "an unknown host is not found" "$(get other.localhost -o /dev/null -w '%{http_code}' \
    "http://other.localhost:$port/")" 404

# ---- Down and up again ---------------------------------------------------------------------------

kill -TERM "$connector"
ended "$connector"
same "SIGTERM ends the connector with 0" "$code" 0
has "it unregistered" "$(cat "$work/connector.log")" "Unregistered tunnel connection"
same "without a connector: 503" "$(code_of app.localhost)" 503

token=$("$CULVERT" tunnel token web)
printf '%s\n' "$token" >"$work/token"
chmod 600 "$work/token"
mv "$HOME/.cloudflared/config.yml" "$work/config.yml"
connector_start --token "$token" --url "http://127.0.0.1:$nginx_port"
same "by --token and --url" "$(get app.localhost "http://app.localhost:$port/")" "hello from nginx"
check "the token is not in the list of processes" sh -c \
    "! tr '\\0' ' ' </proc/$connector/cmdline | grep -qF '$token'"
kill -TERM "$connector"
ended "$connector"
chmod 644 "$work/token"
connector_start --token-file "$work/token" --url "http://127.0.0.1:$nginx_port"
same "by --token-file" "$(get app.localhost "http://app.localhost:$port/")" "hello from nginx"
has "others may read that file: a warning" "$(cat "$work/connector.log")" "Others may read the token"
kill -INT "$connector"
ended "$connector"
same "SIGINT ends it with 0" "$code" 0
TUNNEL_TOKEN=$token
export TUNNEL_TOKEN
connector_start --url "http://127.0.0.1:$nginx_port"
unset TUNNEL_TOKEN
same "by TUNNEL_TOKEN" "$(get app.localhost "http://app.localhost:$port/")" "hello from nginx"
check "the token is not in the log" sh -c "! grep -qF '$token' '$work/connector.log'"

# ---- The edge dies and comes back: nothing that was answered with success is lost ----------------

kill -9 "$edge"
ended "$edge"
rm -f "$state/run.json"
start edge "$CULVERT" edge run --dev --state-dir "$state" --tunnel "$tunnel" --http "$http" \
    --https "$https" --metrics 127.0.0.1:0 --loglevel debug
edge=$started
wait_for "the edge is ready again" edge_is_ready
wait_for "the connector comes back by itself" four_are_up
same "and serves" "$(get app.localhost "http://app.localhost:$port/")" "hello from nginx"

status "a connected tunnel is not deleted" 1 "$CULVERT" tunnel delete web
kill -TERM "$connector"
ended "$connector"
status "a routed tunnel is not deleted without force" 1 "$CULVERT" tunnel delete web
check "with force it is" "$CULVERT" tunnel delete -f web
check "its credentials are gone" test ! -e "$credentials"
same "its name is not found" "$(code_of app.localhost)" 404

kill -TERM "$edge"
ended "$edge"
same "SIGTERM ends the edge with 0" "$code" 0
check "its run file is gone" test ! -e "$state/run.json"
finish
