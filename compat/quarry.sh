#!/usr/bin/env bash
# quarry.sh BINARY: quarry itself as a client with the target aws, and the AWS CLI to look at what it did.
set -uo pipefail
cd "$(dirname "$0")" || exit 2
export AWS_PAGER=''
binary=$1
tmp=$COMPAT_TMP
export HOME=$tmp
code=0

check() { # check NAME FUNCTION: one check, which stops at the first command that fails.
	local out failed
	out=$(set -e; "$2" 2>&1)
	failed=$?
	if [ $failed -eq 0 ]; then
		echo "ok   $COMPAT_NAME: $1"
	else
		echo "FAIL $COMPAT_NAME: $1: $(printf %s "$out" | tail -n 4 | tr '\n' ' ' | cut -c1-400)"
		code=1
	fi
}
is() { [ "$1" = "$2" ] || { echo "have '$1', want '$2'" && return 1; }; }

setup() {
	"$binary" setup --target aws --yes --dir "$tmp/run"
	aws s3api head-bucket --bucket "quarry-123456789012-$AWS_REGION"
	aws iam get-role --role-name quarry-batch
	[[ $("$binary" setup --target aws --yes --dir "$tmp/run" 2>&1) == *'nothing to change'* ]]
}
check 'setup makes bucket and role, and nothing the second time' setup

run() {
	"$binary" run ../examples/articles.jsonl --target aws --yes --dir "$tmp/run" --quiet
	is "$(wc -l <"$tmp/run/results.jsonl" | tr -d ' ')" 100
	is "$(grep -c '"status":"ok"' "$tmp/run/results.jsonl")" 100
}
check 'run answers the 100 bundled articles' run

look() {
	local job bucket=quarry-123456789012-$AWS_REGION
	job=$(aws bedrock list-model-invocation-jobs --name-contains quarry- --query 'invocationJobSummaries[0].[jobName,status,totalRecordCount,successRecordCount]' --output text)
	[[ $job == quarry-*$'\tCompleted\t100\t100' ]] || { echo "the job is $job" && return 1; }
	is "$(aws s3 ls --recursive "s3://$bucket/quarry/" | grep -c '\.jsonl\.out$')" 1
	is "$(aws s3 ls --recursive "s3://$bucket/quarry/" | grep -c 'manifest\.json\.out$')" 1
}
check 'the AWS CLI sees the job and its output' look

again() {
	"$binary" run ../examples/articles.jsonl --target aws --yes --dir "$tmp/run" --quiet
	is "$(aws bedrock list-model-invocation-jobs --name-contains quarry- --query 'length(invocationJobSummaries)')" 1
	"$binary" audit --dir "$tmp/run" --quiet
}
check 'the same command again asks nothing twice' again
exit $code
