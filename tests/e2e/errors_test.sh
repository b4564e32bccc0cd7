#!/bin/sh
# Bad input: one clear sentence that names the place, the documented exit code, nothing half-started.
. "$(dirname "$0")/lib.sh"

# says NAME STATUS PART COMMAND...: one sentence on stderr, nothing on stdout.
says() {
    what=$1
    wanted=$2
    part=$3
    shift 3
    got=0
    timeout 20 "$@" >"$work/out" 2>"$work/err" || got=$?
    same "$what: status" "$got" "$wanted"
    # The last line is the sentence; what is logged before it has a time.
    last=$(grep -v '^20..-..-..T' "$work/err" | head -n 1)
    has "$what: words" "$last" "$part"
    same "$what: nothing on stdout" "$(cat "$work/out")" ""
}

home=$HOME/.cloudflared
id=c0ffee00-1234-4567-89ab-0123456789ab
secret=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=
creds='{"AccountTag":"0123456789abcdef0123456789abcdef","TunnelSecret":"'$secret'","TunnelID":"'$id'"}'
printf '%s' "$creds" >"$home/$id.json"
chmod 600 "$home/$id.json"
printf 'ingress:\n  - service: http://localhost:1\n' >"$work/good.yml"
token=$(printf '{"a":"0123456789abcdef0123456789abcdef","s":"%s","t":"%s"}' "$secret" "$id" |
    base64 -w 0)

# ---- The command line ----------------------------------------------------------------------------

says "an unknown flag" 255 "--frobnicate" "$CULVERT" tunnel run --frobnicate
says "a flag without its value" 255 "--token" "$CULVERT" tunnel run --token
says "a bad number" 255 "ha-connections" "$CULVERT" tunnel --ha-connections many run "$id"
says "a bad variable" 255 "TUNNEL_RETRIES" env TUNNEL_RETRIES=abc "$CULVERT" tunnel run "$id"
says "an unknown command" 3 "frobnicate" "$CULVERT" tunnel frobnicate
says "no tunnel named" 255 "tunnel" "$CULVERT" tunnel run
says "grace beyond three minutes" 1 "grace-period" "$CULVERT" tunnel --grace-period 4m run "$id"

# ---- Files ---------------------------------------------------------------------------------------

says "a configuration that is not there" 1 "$work/none.yml" \
    "$CULVERT" tunnel --config "$work/none.yml" run "$id"
printf 'ingress:\n  - service: [oops\n' >"$work/bad.yml"
says "a configuration that is no YAML" 1 "bad.yml:" "$CULVERT" tunnel --config "$work/bad.yml" run "$id"
printf 'ingress:\n  - hostname: a.b\n    service: http://localhost:port\n  - service: http_status:404\n' \
    >"$work/rule.yml"
says "a bad rule" 1 "rule.yml:3" "$CULVERT" tunnel --config "$work/rule.yml" run "$id"
printf 'credentials-file: %s\ningress:\n  - service: http://localhost:1\n' "$work/creds.json" \
    >"$work/config.yml"
says "credentials that are not there" 1 "$work/creds.json" \
    "$CULVERT" tunnel --config "$work/config.yml" run "$id"
printf 'not json' >"$work/creds.json"
says "credentials that are no JSON" 1 "$work/creds.json" \
    "$CULVERT" tunnel --config "$work/config.yml" run "$id"
printf '%s' "$creds" >"$work/creds.json"
chmod 666 "$work/creds.json"
says "credentials that others can write" 1 "$work/creds.json" \
    "$CULVERT" tunnel --config "$work/config.yml" run "$id"
printf 'token: %s\n' "$token" >"$work/token.yml"
chmod 666 "$work/token.yml"
says "a configuration with a token that others can write" 1 "$work/token.yml" \
    "$CULVERT" tunnel --config "$work/token.yml" run
ln -s "$work/creds.json" "$work/link.json"
says "the same behind a link" 1 "link.json" "$CULVERT" tunnel --config "$work/good.yml" run \
    --credentials-file "$work/link.json" "$id"
printf 'ingress:\n  - service: http://localhost:1\n    originRequest: {caPool: %s}\n' "$work/no.pem" \
    >"$work/pool.yml"
says "a caPool that is not there" 1 "$work/no.pem" "$CULVERT" tunnel --config "$work/pool.yml" \
    --edge 127.0.0.1:1 run "$id"
says "an edge CA that is not there" 1 "$work/no.pem" "$CULVERT" tunnel --config "$work/good.yml" \
    --edge 127.0.0.1:1 --cacert "$work/no.pem" run "$id"
printf 'nothing\n' >"$work/empty.pem"
says "an edge CA without a certificate" 1 "$work/empty.pem" "$CULVERT" tunnel \
    --config "$work/good.yml" --edge 127.0.0.1:1 --cacert "$work/empty.pem" run "$id"
says "no certificate for the API" 1 "cert.pem" "$CULVERT" tunnel list
printf 'junk\n' >"$home/cert.pem"
chmod 600 "$home/cert.pem"
says "a certificate that is none" 1 "$home/cert.pem" "$CULVERT" tunnel list
chmod 666 "$home/cert.pem"
says "a certificate that others can write" 1 "$home/cert.pem" "$CULVERT" tunnel list

# ---- Tokens --------------------------------------------------------------------------------------

says "a token that is none" 255 "token" "$CULVERT" tunnel run --token nonsense
says "a token file that is not there" 255 "$work/none" "$CULVERT" tunnel run --token-file "$work/none"
check "a bad token is not repeated" sh -c "! grep -q nonsense '$work/err'"

# ---- Ports ---------------------------------------------------------------------------------------

taken=$(free_port)
start holder python3 -c "import socket, time
s = socket.socket()
s.bind(('127.0.0.1', $taken))
s.listen()
print('up', flush=True)
time.sleep(60)"
wait_for "a port is taken" grep -q up "$work/holder.out"
says "the metrics port of a connector is taken" 1 "127.0.0.1:$taken" "$CULVERT" tunnel \
    --metrics "127.0.0.1:$taken" --edge 127.0.0.1:1 run --token "$token" --url http://localhost:1
says "without an origin" 1 "127.0.0.1:$taken" "$CULVERT" tunnel \
    --metrics "127.0.0.1:$taken" --edge 127.0.0.1:1 run --token "$token"
has "a connector without an origin says so" "$(cat "$work/err")" "There are no ingress rules"
says "a port of the edge is taken" 1 "127.0.0.1:$taken" "$CULVERT" edge run --dev \
    --state-dir "$state" --tunnel 127.0.0.1:0 --http "127.0.0.1:$taken" --https 127.0.0.1:0 \
    --metrics 127.0.0.1:0
check "it left no run file" test ! -e "$state/run.json"
says "a dev edge beyond loopback" 1 "loopback" "$CULVERT" edge run --dev --state-dir "$state" \
    --http 0.0.0.0:0

# ---- Two edges, one state ------------------------------------------------------------------------

edge_start
says "a second edge on the same state" 1 "$state" "$CULVERT" edge run --dev --state-dir "$state" \
    --tunnel 127.0.0.1:0 --http 127.0.0.1:0 --https 127.0.0.1:0 --metrics 127.0.0.1:0
check "the first one is not disturbed" edge_is_ready
chmod 644 "$state/ca.key"
chmod 666 "$state/ca.key"
kill -TERM "$edge"
ended "$edge"
says "a CA key that others can write" 1 "ca.key" "$CULVERT" edge run --dev --state-dir "$state" \
    --tunnel 127.0.0.1:0 --http 127.0.0.1:0 --https 127.0.0.1:0 --metrics 127.0.0.1:0
says "no edge runs: no account certificate" 1 "$state" "$CULVERT" edge cert --state-dir "$state" \
    --out "$work/new.pem"
check "and no file" test ! -e "$work/new.pem"
finish
