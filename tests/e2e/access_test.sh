#!/bin/sh
# Rules that require Access, with an issuer of our own: keys over HTTP, tokens of the openssl
# command, a rotation, an issuer that goes away.
. "$(dirname "$0")/lib.sh"

# ---- An issuer: nginx serves its keys, and is the origin too --------------------------------------

issuer_port=$(free_port)
issuer=http://127.0.0.1:$issuer_port
mkdir "$work/www"
nginx_start nginx <<CONF
    server {
        listen 127.0.0.1:$issuer_port;
        location /keys { root $work/www; }
        location / { return 200 "origin \$http_cf_access_jwt_assertion\n"; }
    }
CONF

base64url() {
    openssl base64 -A | tr '+/' '-_' | tr -d '='
}

# make_key NAME
make_key() {
    openssl genrsa -out "$work/$1.key" 2048 2>/dev/null
}

# publish NAME...: these keys, and no others.
publish() {
    set_of_keys=
    for name in "$@"; do
        modulus=$(openssl rsa -in "$work/$name.key" -noout -modulus | sed 's/Modulus=//')
        n=$(printf '%s' "$modulus" | python3 -c 'import base64, sys
print(base64.urlsafe_b64encode(bytes.fromhex(sys.stdin.read())).decode().rstrip("="))')
        key="{\"kid\":\"$name\",\"kty\":\"RSA\",\"alg\":\"RS256\",\"use\":\"sig\",\"e\":\"AQAB\",\"n\":\"$n\"}"
        set_of_keys=${set_of_keys:+$set_of_keys,}$key
    done
    printf '{"keys":[%s]}' "$set_of_keys" >"$work/www/keys"
}

# token NAME [SECONDS [AUDIENCE]]: signed by that key, holds so long.
token() {
    head=$(printf '{"alg":"RS256","kid":"%s"}' "$1" | base64url)
    claims=$(printf '{"iss":"%s","aud":["%s"],"exp":%s}' "$issuer" "${3:-app}" \
        $(($(date +%s) + ${2:-600})) | base64url)
    signature=$(printf '%s.%s' "$head" "$claims" | openssl dgst -sha256 -sign "$work/$1.key" |
        base64url)
    printf '%s.%s.%s' "$head" "$claims" "$signature"
}

make_key one
make_key two
publish one
nginx=$started
wait_for "the issuer answers" curl -fsS "$issuer/keys"

# ---- A connector whose rules ask for its tokens --------------------------------------------------

edge_start
cert_make
check "a tunnel is created" "$CULVERT" tunnel create guarded
check "a wildcard is routed" "$CULVERT" tunnel route dns guarded '*.localhost'
cat >"$work/config.yml" <<YAML
tunnel: guarded
originRequest:
  access:
    required: true
    issuer: $issuer
    certsUrl: $issuer/keys
    audTag: [app]
ingress:
  - hostname: open.localhost
    service: http://127.0.0.1:$issuer_port
    originRequest:
      access: {required: false}
  - hostname: status.localhost
    service: http_status:204
  - service: http://127.0.0.1:$issuer_port
YAML
check "the rules are valid" "$CULVERT" tunnel --config "$work/config.yml" ingress validate
start connector "$CULVERT" tunnel --config "$work/config.yml" --metrics 127.0.0.1:0 \
    --loglevel debug --output json run
connector=$started
wait_for "it registers" sh -c "[ \$(grep -c 'Registered tunnel connection' '$work/connector.log') = 4 ]"
wait_for "the keys are fetched before anybody comes" grep -q 'Fetched the keys' "$work/connector.log"

# code_of HOST [COOKIE]
code_of() {
    get "$1" -o /dev/null -w '%{http_code}' ${2:+-b "CF_Authorization=$2"} \
        "http://$1:${http##*:}/"
}
same "a rule of its own may be open" "$(code_of open.localhost)" 200
same "nobody passes without a token" "$(code_of app.localhost)" 403
same "nor at a fixed answer" "$(code_of status.localhost)" 403
good=$(token one)
same "a token passes" "$(code_of app.localhost "$good")" 200
same "also at a fixed answer" "$(code_of status.localhost "$good")" 204
same "not for another application" "$(code_of app.localhost "$(token one 600 other)")" 403
same "not when it has expired" "$(code_of app.localhost "$(token one -1)")" 403
same "not when it was changed" "$(code_of app.localhost "${good%?????}AAAAA")" 403
publish two one
same "a new key passes when it comes" "$(code_of app.localhost "$(token two)")" 200
same "and the old one still" "$(code_of app.localhost "$good")" 200
kill "$nginx"
ended "$nginx"
same "without the issuer the keys go on to serve" "$(code_of status.localhost "$good")" 204

# ---- What the operator reads ---------------------------------------------------------------------

fetches=$(grep -c "GET /keys HTTP" "$work/nginx.access")
check "few fetches for four connections and all of these" [ "$fetches" -le 5 ]
line=$(grep 'Refused a request that needs Access' "$work/connector.log" | grep expired)
has "the log names the reason" "$line" '"reason":"expired"'
has "and the rule" "$line" '"ingressRule":2'
check "the log has no token" sh -c "! grep -q '${good##*.}' '$work/connector.log'"
metrics=$(sed -n 's/.*Starting metrics server on \([0-9.:]*\)\/metrics.*/\1/p' "$work/connector.log")
has "refusals are counted" "$(curl -fsS "http://$metrics/metrics")" \
    'culvert_access_refusals_total{cause="no_token",rule="1"} 1'

# ---- A mistake is told before anything starts ----------------------------------------------------

sed "s|certsUrl: .*|certsUrl: http://keys.example.com/|" "$work/config.yml" >"$work/bad.yml"
status "keys over a way that anybody may change are refused" 1 \
    "$CULVERT" tunnel --config "$work/bad.yml" ingress validate
has "the sentence says so" "$(cat "$work/err")" "keys come from an https URL"
kill -TERM "$connector"
ended "$connector"
same "the end" "$code" 0
finish
