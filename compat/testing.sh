#!/usr/bin/env bash
# testing.sh BINARY: the examples of docs/testing-python.md and docs/testing-javascript.md as a user runs them, and the GitHub Action with a
# runner's files. COMPAT_PYTHON names a Python with boto3, or is empty.
set -uo pipefail
export QUARRY=$1 PYTHONDONTWRITEBYTECODE=1
module=$(cd "$(dirname "$0")/.." && pwd) || exit 2
code=0
ok() { echo "ok   $COMPAT_NAME: $1"; }
fail() {
	echo "FAIL $COMPAT_NAME: $1: $(tail -n 12 "$2" | tr '\n' ' ' | cut -c1-600)"
	code=1
}

if [ -n "$COMPAT_PYTHON" ]; then
	# Debian's pytest runs with any Python 3 that has boto3.
	"$COMPAT_PYTHON" -c 'import pytest' 2>/dev/null || export PYTHONPATH=/usr/lib/python3/dist-packages
	log=$COMPAT_TMP/pytest.log
	(cd "$module/examples/testing/python" && "$COMPAT_PYTHON" -m pytest -p no:cacheprovider .) >"$log" 2>&1
	if [ $? -eq 0 ] && grep -q '[1-9] passed' "$log"; then ok pytest; else fail pytest "$log"; fi
fi

log=$COMPAT_TMP/vitest.log
(
	cd "$module/examples/testing/javascript" || exit 2
	if ! cmp -s package-lock.json node_modules/.installed-lock; then
		npm ci && cp package-lock.json node_modules/.installed-lock || exit 1
	fi
	NO_COLOR=1 npm test
) >"$log" 2>&1
if [ $? -eq 0 ] && grep -q 'Tests  [1-9][0-9]* passed' "$log"; then ok vitest; else fail vitest "$log"; fi

# The action: start, what later steps have, stop. A runner reads the files after each step.
runner=$COMPAT_TMP/runner
mkdir -p "$runner" && cd "$runner" || exit 2
for file in ENV OUTPUT STATE PATH; do
	: >"$file"
	export "GITHUB_$file=$runner/$file"
done
for name in "${!AWS_@}" ANTHROPIC_BEDROCK_BASE_URL; do unset "$name"; done
export RUNNER_TEMP=$runner
log=$runner/log
inputs=(INPUT_QUARRY="$QUARRY" INPUT_ADDR=127.0.0.1:0 INPUT_FLAGS=$'--test-clock\n--state-delay=1ms')
seeds=(INPUT_SEED-STATE="$module/examples/testing/state.yaml" INPUT_QUOTAS="$module/examples/testing/quotas.json")
if env "${inputs[@]}" "${seeds[@]}" node "$module/action/start.mjs" >"$log" 2>&1; then ok 'the action starts'; else fail 'the action starts' "$log"; fi
if env $(grep -v PROXY ENV) node --input-type=module -e "
	const reply = await fetch(process.env.AWS_ENDPOINT_URL + '/_quarry/reset', { method: 'POST' });
	if (!reply.ok || process.env.AWS_SECRET_ACCESS_KEY.length < 10) throw new Error(reply.status);
" >"$log" 2>&1 && grep -q "^endpoint=$(sed -n 's/^AWS_ENDPOINT_URL=//p' ENV)$" OUTPUT && grep -qx "$(dirname "$QUARRY")" PATH; then
	ok 'later steps of the action have the server'
else
	fail 'later steps of the action have the server' "$log"
fi
if env $(sed 's/^/STATE_/' STATE) node "$module/action/stop.mjs" >"$log" 2>&1 && grep -q '::group::' "$log" && ! env $(sed 's/^/STATE_/' STATE) bash -c '
	curl -s --max-time 5 "$(sed -n "s/^AWS_ENDPOINT_URL=//p" ENV)/_quarry/health"' >/dev/null; then
	ok 'the action stops the server'
else
	fail 'the action stops the server' "$log"
fi
if env "${inputs[@]}" AWS_PROFILE=production node "$module/action/start.mjs" >"$log" 2>&1 || ! grep -q '::error::AWS_PROFILE would direct' "$log"; then
	fail 'the action refuses a profile' "$log"
else
	ok 'the action refuses a profile'
fi
env $(sed 's/^/STATE_/' STATE) node "$module/action/stop.mjs" >>"$log" 2>&1 || fail 'the post step after a refusal' "$log"
if env "${inputs[@]}" INPUT_FLAGS=--no-such-flag node "$module/action/start.mjs" >"$log" 2>&1; then fail 'the action fails with a wrong flag' "$log"; else ok 'the action fails with a wrong flag'; fi
exit $code
