#!/usr/bin/env bash
# second-s3.sh BINARY: the S3 half of a run on servers that are not ours. Jobs are made at the server whose lines are in the
# environment; files go to versitygw, built from its module, and to moto_server where it is on PATH.
set -uo pipefail
cd "$(dirname "$0")" || exit 2
export AWS_PAGER=''
binary=$1
tmp=$COMPAT_TMP
real_home=$HOME
export HOME=$tmp SECOND_KEY=$AWS_ACCESS_KEY_ID SECOND_SECRET=$AWS_SECRET_ACCESS_KEY
bedrock=$AWS_ENDPOINT_URL
account=123456789012
code=0
pids=()
finish() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
	wait
}
trap finish EXIT

check() { # check NAME FUNCTION: one check, which stops at the first command that fails.
	local out failed
	out=$(set -e; "$2" 2>&1)
	failed=$?
	if [ $failed -eq 0 ]; then
		echo "ok   $COMPAT_NAME: $1"
	else
		echo "FAIL $COMPAT_NAME: $1: $(printf %s "$out" | tail -n 4 | tr '\n' ' ' | cut -c1-600)"
		code=1
	fi
}
is() { [ "$1" = "$2" ] || { echo "have '$1', want '$2'" && return 1; }; }

free_port() { node -e "const s = require('net').createServer().listen(0, '127.0.0.1', () => { console.log(s.address().port); s.close(); })"; }
answers() { # answers URL PID: waits until something listens there.
	for _ in $(seq 300); do
		node -e "fetch('$1').then(() => process.exit(0), () => process.exit(1))" && return
		kill -0 "$2" 2>/dev/null || break
		sleep 0.2
	done
	echo "$1 does not answer"
	return 1
}

versitygw() {
	GOBIN=$tmp/bin HOME=$real_home GOFLAGS=-buildvcs=false go install github.com/versity/versitygw/cmd/versitygw@v1.8.0 || return 1
	mkdir -p "$tmp/versitygw" "$tmp/sidecar"
	"$tmp/bin/versitygw" --quiet --access "$SECOND_KEY" --secret "$SECOND_SECRET" --region "$AWS_REGION" --port "127.0.0.1:$1" \
		posix --sidecar "$tmp/sidecar" "$tmp/versitygw" >"$tmp/versitygw.log" 2>&1 &
}
moto() { moto_server --host 127.0.0.1 --port "$1" >"$tmp/moto.log" 2>&1 & }

flow() {
	local bucket=quarry-$account-$AWS_REGION
	"$binary" run ../examples/articles.jsonl --target aws --yes --dir "$tmp/$second" --quiet
	is "$(wc -l <"$tmp/$second/results.jsonl" | tr -d ' ')" 100
	is "$(grep -c '"status":"ok"' "$tmp/$second/results.jsonl")" 100
	"$binary" audit --dir "$tmp/$second" --quiet
	node js/listing.mjs "$bucket" quarry/ >"$tmp/$second.keys"
	for part in run.json '/index/' '/in/' '\.jsonl\.out$' 'manifest\.json\.out$'; do
		grep -q "$part" "$tmp/$second.keys" || { echo "no $part in $(tr '\n' ' ' <"$tmp/$second.keys")" && return 1; }
	done
}

large() { # a file that goes up in parts
	node js/many.mjs 20000 >"$tmp/many.jsonl"
	"$binary" run "$tmp/many.jsonl" --target aws --yes --dir "$tmp/$second-large" --pilot 0 --quiet
	is "$(grep -c '"status":"ok"' "$tmp/$second-large/results.jsonl")" 20000
	"$binary" audit --dir "$tmp/$second-large" --quiet
}

AWS_ENDPOINT_URL=$bedrock "$binary" setup --target aws --yes --dir "$tmp/setup" --quiet || { echo "FAIL $COMPAT_NAME: setup"; exit 1; }

on() { # on NAME: the checks with the S3 that function NAME starts.
	second=$1
	local port url bridge
	port=$(free_port)
	url=http://127.0.0.1:$port
	"$second" "$port" || { echo "FAIL $COMPAT_NAME: $second does not build" && code=1 && return; }
	pids+=($!)
	answers "$url" $! || { echo "FAIL $COMPAT_NAME: $second does not answer: $(tail -n 2 "$tmp/$second.log")" && code=1 && return; }
	export AWS_ENDPOINT_URL_S3=$url
	AWS_ENDPOINT_URL=$bedrock node js/bridge.mjs "$bedrock" >"$tmp/$second.bridge" 2>"$tmp/$second.bridge.log" &
	pids+=($!)
	for _ in $(seq 100); do [ -s "$tmp/$second.bridge" ] && break; sleep 0.1; done
	export AWS_ENDPOINT_URL=$(<"$tmp/$second.bridge")
	node js/bucket.mjs "quarry-$account-$AWS_REGION" || { echo "FAIL $COMPAT_NAME: no bucket on $second" && code=1 && return; }
	check "$second: a run puts its files there and takes its results from there" flow
	check "$second: a large input goes up in parts" large
	export AWS_ENDPOINT_URL=$bedrock
	unset AWS_ENDPOINT_URL_S3
}
on versitygw
if command -v moto_server >/dev/null && moto_server --help >/dev/null 2>&1; then on moto; fi
exit $code
