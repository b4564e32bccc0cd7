#!/bin/sh
# An edge as its file says, without --dev: certificates from files, the API over https only, visitors
# in clear sent to https.
. "$(dirname "$0")/lib.sh"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 60 -subj /CN=edge \
    -addext 'subjectAltName=DNS:edge.localhost,DNS:app.localhost' -keyout "$work/site.key" \
    -out "$work/site.pem" 2>/dev/null
chmod 600 "$work/site.key"
cat >"$work/edge.yml" <<YAML
hostname: edge.localhost
zones: [localhost]
listen: {tunnel: "127.0.0.1:0", http: "127.0.0.1:0", https: "127.0.0.1:0", metrics: "127.0.0.1:0"}
certificates: [{cert: $work/site.pem, key: $work/site.key}]
YAML

# ---- Nothing starts with a key that does not fit ---------------------------------------------------

openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/other.key" 2>/dev/null
chmod 600 "$work/other.key"
sed "s/site.key/other.key/" "$work/edge.yml" >"$work/wrong.yml"
status "a key of another certificate" 1 "$CULVERT" edge run --config "$work/wrong.yml" \
    --state-dir "$state"
has "both files are named" "$(cat "$work/err")" "$work/other.key"
check "nothing listened" test ! -e "$state/run.json"

# ---- An edge, the commands, a visitor --------------------------------------------------------------

start edge "$CULVERT" edge run --config "$work/edge.yml" --state-dir "$state"
edge=$started
wait_for "the edge is ready" edge_is_ready || {
    cat "$work/edge.log"
    exit 1
}
http=$(address http)
https=$(address https)
cert_make
status "the API's certificate is checked" 1 "$CULVERT" tunnel list
has "and that is said" "$(cat "$work/err")" "certificate"
SSL_CERT_FILE=$work/site.pem
export SSL_CERT_FILE
check "a tunnel is created over https" "$CULVERT" tunnel create web
check "a name is routed" "$CULVERT" tunnel route dns web app
connector_start --hello-world web
visit() {
    curl -sS --max-time 20 --noproxy '*' "$@" -o /dev/null -w '%{http_code} %{redirect_url}'
}
same "https with the file's certificate" "$(visit --cacert "$work/site.pem" --resolve \
    "app.localhost:${https##*:}:127.0.0.1" "https://app.localhost:${https##*:}/_health")" "200 "
has "http leads to https" "$(visit --resolve "app.localhost:${http##*:}:127.0.0.1" \
    "http://app.localhost:${http##*:}/a?b=c")" "308 https://app.localhost"
same "the API is not served in clear" "$(visit -H "Host: edge.localhost" \
    "http://$http/client/v4/accounts" | cut -c 1-4)" "308 "

# ---- And down --------------------------------------------------------------------------------------

kill -TERM "$connector"
ended "$connector"
same "SIGTERM ends the connector with 0" "$code" 0
kill -TERM "$edge"
ended "$edge"
same "SIGTERM ends the edge with 0" "$code" 0
finish
