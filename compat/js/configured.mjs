// A server with keys, a quota table and a clock of its own: bearer tokens, small jobs, limits, expiry, faults and the bill.
import { BedrockClient, CreateModelInvocationJobCommand, GetModelInvocationJobCommand, ListFoundationModelsCommand } from '@aws-sdk/client-bedrock';
import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { IAMClient } from '@aws-sdk/client-iam';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ServiceQuotasClient, paginateListServiceQuotas } from '@aws-sdk/client-service-quotas';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { all, check, ended, equal, holds, reached, refused } from './check.mjs';
import { converse, jsonl, profile, records } from './records.mjs';
import { make, rights, trust } from './role.mjs';

const region = process.env.AWS_REGION;
const endpoint = process.env.AWS_ENDPOINT_URL;
const s3 = new S3Client({});
const bedrock = new BedrockClient({});
const bucket = 'compat-js-configured';
const { Account: account } = await new STSClient({}).send(new GetCallerIdentityCommand({}));
await s3.send(new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: region } }));
const role = await make(new IAMClient({}), 'compat-js-configured', trust(account, region), rights(bucket));
const sent = records(12);
await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'in.jsonl', Body: jsonl(sent) }));

async function create(name, fault) {
  const { jobArn } = await bedrock.send(new CreateModelInvocationJobCommand({
    jobName: name, roleArn: role, modelId: profile,
    inputDataConfig: { s3InputDataConfig: { s3Uri: `s3://${bucket}/in.jsonl` } },
    outputDataConfig: { s3OutputDataConfig: { s3Uri: `s3://${bucket}/out/` } },
    tags: fault ? [{ key: 'quarry-fault', value: fault }] : [],
  }));
  return jobArn;
}
const get = (jobIdentifier) => bedrock.send(new GetModelInvocationJobCommand({ jobIdentifier }));
const end = (arn) => ended(() => get(arn));
async function lines(arn) {
  const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: `out/${arn.slice(-12)}/in.jsonl.out` }));
  const text = await object.Body.transformToString();
  return text === '' ? [] : text.trimEnd().split('\n').map((line) => JSON.parse(line));
}
const bill = async (query) => (await fetch(`${endpoint}/_quarry/bill?${query}`)).json();

await check('a bearer token is taken for Bedrock, and a wrong one is not', async () => {
  const bearer = (token) => ({ token: async () => ({ token }), authSchemePreference: ['httpBearerAuth'] });
  const { modelSummaries } = await new BedrockClient(bearer('compat-token')).send(new ListFoundationModelsCommand({}));
  holds(modelSummaries.length > 0, 'there are no models');
  await new BedrockRuntimeClient(bearer('compat-token')).send(new ConverseCommand({ modelId: profile, ...converse(0) }));
  await refused(() => new BedrockClient(bearer('other')).send(new ListFoundationModelsCommand({})), 'AccessDeniedException', 403);
});

await check('the quota table is served and holds', async () => {
  const list = await all(paginateListServiceQuotas({ client: new ServiceQuotasClient({}) }, { ServiceCode: 'bedrock' }), 'Quotas');
  const minimum = list.filter((q) => q.QuotaName.startsWith('Minimum number of records'));
  equal(new Set(minimum.map((q) => q.Value)), new Set([3]), 'the minimum');
  const slow = [await create('compat-open-1', 'slow=1s'), await create('compat-open-2', 'slow=1s')];
  await refused(() => create('compat-open-3'), 'ServiceQuotaExceededException', 400);
  equal((await Promise.all(slow.map(end))).map((j) => j.status), ['Completed', 'Completed'], 'the states');
  const small = await create('compat-small');
  equal((await end(small)).status, 'Completed', 'the status of 12 records');
});

await check('faults of a job: errors of records, lost and doubled lines, another order', async () => {
  const errors = await create('compat-errors', 'record-error=1');
  const job = await end(errors);
  equal([job.status, job.errorRecordCount], ['Completed', 12], 'the job');
  equal((await lines(errors)).map((l) => [l.error.errorCode, l.modelOutput]), sent.map(() => [500, undefined]), 'the lines');
  const dropped = await create('compat-dropped', 'drop-record=1');
  await end(dropped);
  equal(await lines(dropped), [], 'the lines of a job that drops all');
  equal((await bill(`totals=1&job=${encodeURIComponent(dropped)}`)).totals.answered, 12, 'the bill of a job that drops all');
  const doubled = await create('compat-doubled', 'duplicate-record=1 shuffle=1 seed=7');
  await end(doubled);
  const ids = (await lines(doubled)).map((l) => l.recordId);
  const twice = sent.flatMap((r) => [r.recordId, r.recordId]);
  equal(ids.toSorted(), twice, 'the lines of a job that doubles all');
  holds(ids.join() !== twice.join(), 'the order is the input\'s');
});

await check('faults of a job: failed, partial and expired', async () => {
  equal((await end(await create('compat-failed', 'fail-job=1'))).status, 'Failed', 'the status');
  const partial = await end(await create('compat-partial', 'partial=1 seed=3'));
  equal([partial.status, partial.message], ['PartiallyCompleted', 'Not all of your records could be processed in time.'], 'the job');
  equal((await end(await create('compat-expired', 'expire=1'))).status, 'Expired', 'the status');
});

await check('a job runs out of time when the clock is moved', async () => {
  const arn = await create('compat-late', 'slow=1h');
  await reached(() => get(arn), (job) => job.status === 'InProgress', 'job in progress');
  const moved = await fetch(`${endpoint}/_quarry/clock`, { method: 'POST', body: JSON.stringify({ advance: '25h' }) });
  equal(moved.status, 200, 'the status of the clock');
  equal((await end(arn)).status, 'PartiallyCompleted', 'the status');
});

await check('on-demand calls are limited to the table\'s requests a minute', async () => {
  const client = new BedrockRuntimeClient({ maxAttempts: 1 });
  const call = () => client.send(new ConverseCommand({ modelId: 'us.amazon.nova-micro-v1:0', ...converse(0) }));
  await call();
  const error = await refused(call, 'ThrottlingException', 429);
  equal(error.message, 'Too many requests, please wait before trying again.', 'the message');
});
