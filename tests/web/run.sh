#!/bin/sh
# Clients and browsers that this project did not write, against the trial environment over TLS. Needs Node; installs
# Debian's Chromium and the packages of the lock file. UNEFOIS_BIN names the binary; else it is built.
set -eu
cd "$(dirname "$0")"

if ! [ -x /usr/bin/chromium ]; then
    sudo=''
    [ "$(id -u)" -eq 0 ] || sudo='sudo'
    export DEBIAN_FRONTEND=noninteractive
    $sudo apt-get update -qq
    $sudo apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
fi
npm ci --silent

if [ -z "${UNEFOIS_BIN:-}" ]; then
    (cd ../.. && cargo build --quiet --locked)
    target=$(cd ../.. && cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
    UNEFOIS_BIN=$target/debug/unefois
fi

folder=$(mktemp -d)
"$UNEFOIS_BIN" dev --tls --no-scenario --json >"$folder/started" 2>"$folder/errors" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM

# It prints one line when it serves.
tries=0
until [ -s "$folder/started" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 300 ] || ! kill -0 "$server" 2>/dev/null; then
        cat "$folder/errors" >&2
        exit 1
    fi
    sleep 0.1
done
UNEFOIS_DEV=$(sed 's/.*"dev_json":"\([^"]*\)".*/\1/' "$folder/started")
NODE_EXTRA_CA_CERTS=$(dirname "$UNEFOIS_DEV")/authority.pem
export UNEFOIS_DEV NODE_EXTRA_CA_CERTS

node --test --test-reporter=spec "$@"
