#!/usr/bin/env bash
# The AWS CLI does the whole job, as a person would. One line a check, as compat/run counts them; run starts it.
set -uo pipefail
cd "$(dirname "$0")" || exit 2
export AWS_PAGER='' AWS_MAX_ATTEMPTS=2
bucket=compat-cli-job
role=compat-cli-job
profile=us.anthropic.claude-haiku-4-5-20251001-v1:0
model=anthropic.claude-haiku-4-5-20251001-v1:0
tmp=$COMPAT_TMP
code=0

# check NAME FUNCTION: one check, which stops at the first command that fails.
check() {
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
# is GOT WANT
is() { [ "$1" = "$2" ] || { echo "have '$1', want '$2'" && return 1; }; }
# refused WORD COMMAND…: the command must fail and say the word.
refused() {
	local word=$1 out
	shift
	if out=$("$@" 2>&1); then echo "was not refused: $out" && return 1; fi
	[[ $out == *"$word"* ]] || { echo "refused with: $out" && return 1; }
}
# ended ARN STATUS
ended() {
	local status
	for _ in $(seq 60); do
		status=$(aws bedrock get-model-invocation-job --job-identifier "$1" --query status --output text) || return
		case $status in Completed | PartiallyCompleted | Failed | Stopped | Expired) is "$status" "$2" && return ;; esac
		sleep 0.2
	done
	echo "the job is $status, want $2" && return 1
}
create() { # create NAME FLAG…
	local name=$1
	shift
	aws bedrock create-model-invocation-job --job-name "$name" --model-id $profile --role-arn "$(<"$tmp/role")" \
		--input-data-config "s3InputDataConfig={s3Uri=s3://$bucket/in/records.jsonl}" \
		--output-data-config "s3OutputDataConfig={s3Uri=s3://$bucket/out/}" --query jobArn --output text "$@"
}

node --input-type=module -e "
	import { jsonl, records, anthropic } from '$PWD/js/records.mjs';
	import { rights, trust } from '$PWD/js/role.mjs';
	import { writeFileSync } from 'node:fs';
	const put = (name, text) => writeFileSync('$tmp/' + name, text);
	put('records.jsonl', jsonl(records(105)));
	put('large.jsonl', jsonl(records(105)).repeat(12));
	put('body.json', JSON.stringify(anthropic(0)));
	put('trust.json', trust('123456789012', '$AWS_REGION'));
	put('rights.json', rights('$bucket'));
" || exit 2

identity() { is "$(aws sts get-caller-identity --query Arn --output text)" arn:aws:iam::123456789012:user/quarry; }
check 'the caller is known' identity

bucket_and_role() {
	aws s3 mb s3://$bucket
	is "$(aws s3api get-bucket-location --bucket $bucket --query LocationConstraint --output text)" "$AWS_REGION"
	aws iam create-role --role-name $role --assume-role-policy-document "file://$tmp/trust.json" --query Role.Arn --output text >"$tmp/role"
	aws iam put-role-policy --role-name $role --policy-name rights --policy-document "file://$tmp/rights.json"
	is "$(aws iam list-role-policies --role-name $role --query PolicyNames --output text)" rights
}
check 'bucket and role are made' bucket_and_role

upload() {
	aws s3 cp --no-progress "$tmp/records.jsonl" s3://$bucket/in/records.jsonl
	aws s3 cp --no-progress "$tmp/large.jsonl" s3://$bucket/large/large.jsonl
	[[ $(aws s3api head-object --bucket $bucket --key large/large.jsonl --query ETag --output text) == *-* ]]
	aws s3 cp --no-progress s3://$bucket/large/large.jsonl "$tmp/back.jsonl"
	cmp "$tmp/large.jsonl" "$tmp/back.jsonl"
}
check 'files are copied there and back, the large one in parts' upload

job() {
	local arn again
	arn=$(create compat-cli-first --client-request-token compat-cli-1 --timeout-duration-in-hours 24)
	again=$(create compat-cli-first --client-request-token compat-cli-1 --timeout-duration-in-hours 24)
	is "$again" "$arn"
	ended "$arn" Completed
	is "$(aws bedrock get-model-invocation-job --job-identifier "${arn: -12}" --query '[jobArn,successRecordCount]' --output text)" "$arn"$'\t105'
	aws s3 sync --no-progress "s3://$bucket/out/${arn: -12}/" "$tmp/out"
	is "$(ls "$tmp/out" | tr '\n' ' ')" 'manifest.json.out records.jsonl.out '
	node --input-type=module -e "
		import { readFileSync } from 'node:fs';
		import { deepStrictEqual } from 'node:assert';
		const lines = (name) => readFileSync(name, 'utf8').trimEnd().split('\n').map((l) => JSON.parse(l));
		const out = lines('$tmp/out/records.jsonl.out');
		deepStrictEqual(out.map(({ recordId, modelInput }) => ({ recordId, modelInput })), lines('$tmp/records.jsonl'));
		const sum = (key) => out.reduce((n, l) => n + l.modelOutput.usage[key], 0);
		deepStrictEqual(lines('$tmp/out/manifest.json.out'), [{
			totalRecordCount: 105, processedRecordCount: 105, successRecordCount: 105, errorRecordCount: 0,
			inputTokenCount: sum('input_tokens'), outputTokenCount: sum('output_tokens') }]);
	"
}
check 'a job runs to its end, and every recordId has its answer' job

stop() {
	local arn
	arn=$(create compat-cli-stop --tags key=quarry-fault,value=slow=30s)
	aws bedrock stop-model-invocation-job --job-identifier "$arn"
	ended "$arn" Stopped
	refused ValidationException aws bedrock stop-model-invocation-job --job-identifier "$arn"
}
check 'a job is stopped' stop

list() {
	local names='invocationJobSummaries[].jobName'
	is "$(aws bedrock list-model-invocation-jobs --name-contains compat-cli- --page-size 1 --query "$names" --output text | tr '\n\t' '  ')" 'compat-cli-stop compat-cli-first '
	is "$(aws bedrock list-model-invocation-jobs --name-contains compat-cli- --status-equals Stopped --sort-by CreationTime --sort-order Ascending \
		--submit-time-after 2020-01-01T00:00:00Z --submit-time-before 2100-01-01T00:00:00Z --query "$names" --output text)" compat-cli-stop
}
check 'jobs are listed' list

runtime() {
	aws bedrock-runtime invoke-model --model-id $profile --body "fileb://$tmp/body.json" "$tmp/answer.json"
	grep -q '"model":"quarry.extractive-v1"' "$tmp/answer.json"
	is "$(aws bedrock-runtime converse --model-id $profile --messages '[{"role":"user","content":[{"text":"Say something about stone."}]}]' --query output.message.role --output text)" assistant
	aws bedrock-runtime count-tokens --model-id $model --input '{"converse":{"messages":[{"role":"user","content":[{"text":"one two three"}]}]}}' --query inputTokens
}
check 'InvokeModel, Converse and CountTokens' runtime

models() {
	[[ $(aws bedrock list-foundation-models --by-provider Anthropic --query 'modelSummaries[].modelId' --output text) == *$model* ]]
	is "$(aws bedrock get-foundation-model-availability --model-id $model --query regionAvailability --output text)" AVAILABLE
	is "$(aws bedrock get-inference-profile --inference-profile-identifier $profile --query inferenceProfileId --output text)" $profile
	local minimum='Minimum number of records per batch inference job for Claude Haiku 4.5'
	is "$(aws service-quotas list-service-quotas --service-code bedrock --query "Quotas[?QuotaName=='$minimum'].[Value==\`100\`]" --output text)" True
}
check 'models, profiles and quotas' models

presign() {
	is "$(curl -fsS "$(aws s3 presign s3://$bucket/in/records.jsonl)" | sha256sum)" "$(sha256sum <"$tmp/records.jsonl")"
}
command -v curl >/dev/null && check 'a presigned URL, as the CLI makes it by default' presign

protect() {
	aws s3api put-public-access-block --bucket $bucket --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
	is "$(aws s3api get-public-access-block --bucket $bucket --query 'PublicAccessBlockConfiguration.BlockPublicAcls')" true
	is "$(aws s3api get-bucket-encryption --bucket $bucket --query 'ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm' --output text)" AES256
	refused NoSuchLifecycleConfiguration aws s3api get-bucket-lifecycle-configuration --bucket $bucket
}
check 'a bucket is protected' protect

refusals() {
	refused "ValidationException) when calling the CreateModelInvocationJob operation: 1 validation error detected: Value 'my_bad_name' at 'jobName'" create my_bad_name
	refused ResourceNotFoundException aws bedrock get-model-invocation-job --job-identifier abcdefghijkl
	AWS_SECRET_ACCESS_KEY=wrong refused InvalidSignatureException aws bedrock list-model-invocation-jobs
	AWS_SECRET_ACCESS_KEY=wrong refused SignatureDoesNotMatch aws s3 ls
	aws iam delete-role-policy --role-name $role --policy-name rights
	local arn
	arn=$(create compat-powerless)
	ended "$arn" Failed
	is "$(aws bedrock get-model-invocation-job --job-identifier "$arn" --query message --output text)" \
		"Could not validate GetObject permissions to access Amazon S3 bucket: $bucket at key in/records.jsonl."
}
check 'refusals have the right names' refusals

remove() {
	aws iam delete-role --role-name $role
	aws s3 rb --force s3://$bucket
	refused NoSuchBucket aws s3 ls s3://$bucket
}
check 'role and bucket are removed' remove
exit $code
