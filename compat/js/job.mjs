// The whole job, as the origin did it by hand: bucket, role, upload, create, poll, list, stop, download, check.
import { createHash } from 'node:crypto';
import {
  BedrockClient, CreateModelInvocationJobCommand, GetModelInvocationJobCommand, ListModelInvocationJobsCommand,
  ListTagsForResourceCommand, StopModelInvocationJobCommand, TagResourceCommand, paginateListModelInvocationJobs,
} from '@aws-sdk/client-bedrock';
import { IAMClient } from '@aws-sdk/client-iam';
import {
  CreateBucketCommand, GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client, paginateListObjectsV2,
} from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { Upload } from '@aws-sdk/lib-storage';
import { all, check, ended, equal, holds, reached, refused } from './check.mjs';
import { anthropic, converse, jsonl, profile, records } from './records.mjs';
import { make, rights, trust } from './role.mjs';

const region = process.env.AWS_REGION;
const s3 = new S3Client({});
const bedrock = new BedrockClient({});
const iam = new IAMClient({});
const bucket = 'compat-js-job';
const began = new Date();

const read = async (key) => (await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }))).Body.transformToString();
const get = (id) => bedrock.send(new GetModelInvocationJobCommand({ jobIdentifier: id }));

const account = await check('the account is found', async () => {
  const me = await new STSClient({}).send(new GetCallerIdentityCommand({}));
  equal(me.Arn, `arn:aws:iam::${me.Account}:user/quarry`, 'Arn');
  return me.Account;
});

await check('a bucket is made with a LocationConstraint', async () => {
  await s3.send(new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: region } }));
  await refused(() => s3.send(new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: region } })), 'BucketAlreadyOwnedByYou', 409);
});

const role = await check('a role is made with trust conditions and rights', () =>
  make(iam, 'compat-js-job', trust(account, region), rights(bucket)));

const small = records(110);
const large = records(600, anthropic, 110);
await check('110 records are uploaded, with the default checksum', async () => {
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'in/one/small.jsonl', Body: jsonl(small) }));
  const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: 'in/one/small.jsonl', ChecksumMode: 'ENABLED' }));
  holds(head.ChecksumCRC32, 'the object has no CRC32');
});

await check('a larger file is uploaded in parts', async () => {
  const body = Buffer.from(jsonl(large));
  holds(body.length > 5 << 20, `the file has ${body.length} bytes only`);
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'in/two/a.jsonl', Body: jsonl(small) }));
  const done = await new Upload({ client: s3, params: { Bucket: bucket, Key: 'in/two/sub/b.jsonl', Body: body } }).done();
  holds(/-\d+"$/.test(done.ETag), `the ETag ${done.ETag} is not one of parts`);
  const back = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: 'in/two/sub/b.jsonl' }));
  const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');
  equal(hash(await back.Body.transformToByteArray()), hash(body), 'what came back');
});

function spec(name, input, extra = {}) {
  return {
    jobName: name, roleArn: role, modelId: profile,
    inputDataConfig: { s3InputDataConfig: { s3Uri: `s3://${bucket}/${input}` } },
    outputDataConfig: { s3OutputDataConfig: { s3Uri: `s3://${bucket}/out/` } },
    ...extra,
  };
}
const create = async (...args) => (await bedrock.send(new CreateModelInvocationJobCommand(spec(...args)))).jobArn;

// checkOutput reads the output of a job whole: every record once, with the answer of the model that the stand-in is.
async function checkOutput(job, files, text) {
  const id = job.jobArn.slice(-12);
  const objects = (await all(paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: `out/${id}/` }), 'Contents')).map((o) => o.Key).sort();
  equal(objects, [...Object.keys(files).map((f) => `out/${id}/${f}.out`), `out/${id}/manifest.json.out`].sort(), 'the objects of the output');
  let input = 0;
  let output = 0;
  let count = 0;
  for (const [file, sent] of Object.entries(files)) {
    const lines = (await read(`out/${id}/${file}.out`)).trimEnd().split('\n').map((line) => JSON.parse(line));
    equal(lines.map((l) => l.recordId), sent.map((r) => r.recordId), `the recordIds of ${file}`);
    for (const [i, line] of lines.entries()) {
      equal(line.modelInput, sent[i].modelInput, `modelInput of ${line.recordId}`);
      const answer = text(line.modelOutput);
      const keys = Object.keys(JSON.parse(answer.text)).sort();
      equal(keys, ['summary_en', 'summary_ja', 'title_en'], `the keys of ${line.recordId}`);
      input += answer.input;
      output += answer.output;
    }
    count += lines.length;
  }
  equal(JSON.parse(await read(`out/${id}/manifest.json.out`)), {
    totalRecordCount: count, processedRecordCount: count, successRecordCount: count, errorRecordCount: 0,
    inputTokenCount: input, outputTokenCount: output,
  }, 'the manifest');
  equal([job.totalRecordCount, job.processedRecordCount, job.successRecordCount, job.errorRecordCount], [count, count, count, 0], 'the counters');
}

const messages = (out) => ({ text: out.content[0].text, input: out.usage.input_tokens, output: out.usage.output_tokens });
const conversed = (out) => ({ text: out.output.message.content[0].text, input: out.usage.inputTokens, output: out.usage.outputTokens });

const token = 'compat-js-first-1';
// The first states take a moment each, so the job is followed from its creation, while other checks run.
const seen = new Set();
const follow = (arn) => ended(async () => {
  const now = await get(arn);
  seen.add(now.status);
  if (['Submitted', 'Validating', 'Scheduled'].includes(now.status)) equal(now.totalRecordCount, 0, `the count while ${now.status}`);
  return now;
});
let followed;
const first = await check('a job is created, and the same token gives the same job', async () => {
  const arn = await create('compat-js-first', 'in/one/small.jsonl', { clientRequestToken: token, timeoutDurationInHours: 48, tags: [{ key: 'team', value: 'search' }] });
  followed = follow(arn);
  followed.catch(() => {}); // it is awaited below
  holds(/^arn:aws:bedrock:us-west-2:\d{12}:model-invocation-job\/[a-z0-9]{12}$/.test(arn), `the ARN is ${arn}`);
  const again = await create('compat-js-first', 'in/one/small.jsonl', { clientRequestToken: token, timeoutDurationInHours: 48, tags: [{ key: 'team', value: 'search' }] });
  equal(again, arn, 'the second ARN');
  await refused(() => create('compat-js-other', 'in/one/small.jsonl', { clientRequestToken: token }), 'ConflictException', 400);
  return arn;
});

await check('Get gives back what was asked for, by ARN and by bare id', async () => {
  const job = await get(first);
  equal((await get(first.slice(-12))).jobArn, first, 'jobArn by the bare id');
  equal([job.jobName, job.roleArn, job.clientRequestToken, job.timeoutDurationInHours, job.modelInvocationType],
    ['compat-js-first', role, token, 48, 'InvokeModel'], 'the job');
  equal(job.modelId, `arn:aws:bedrock:${region}:${account}:inference-profile/${profile}`, 'modelId');
  equal(job.inputDataConfig, { s3InputDataConfig: { s3InputFormat: 'JSONL', s3Uri: `s3://${bucket}/in/one/small.jsonl` } }, 'inputDataConfig');
  equal(job.jobExpirationTime - job.submitTime, 48 * 3600_000, 'the time to expiration');
});

const tags = async () => Object.fromEntries((await bedrock.send(new ListTagsForResourceCommand({ resourceARN: first }))).tags.map((t) => [t.key, t.value]));
await check('a job has tags', async () => {
  equal(await tags(), { team: 'search' }, 'the tags');
  await bedrock.send(new TagResourceCommand({ resourceARN: first, tags: [{ key: 'stage', value: 'test' }] }));
  equal(await tags(), { team: 'search', stage: 'test' }, 'the tags after TagResource');
});

await check('the job goes through the states to Completed', async () => {
  const job = await followed;
  equal(job.status, 'Completed', `the status (${job.message})`);
  const order = ['Submitted', 'Validating', 'Scheduled', 'InProgress', 'Completed'];
  equal([...seen], order.filter((s) => seen.has(s)), 'the order of the states');
  holds(seen.size >= 3, `only ${[...seen]} was seen`);
  await checkOutput(job, { 'small.jsonl': small }, messages);
});

await check('a folder with files above and below, one of them of parts, is one job', async () => {
  const arn = await create('compat-js-folder', 'in/two/');
  const job = await ended(() => get(arn));
  equal(job.status, 'Completed', `the status (${job.message})`);
  await checkOutput(job, { 'a.jsonl': small, 'sub/b.jsonl': large }, messages);
});

await check('a job of the type Converse', async () => {
  const list = records(100, converse);
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'in/converse.jsonl', Body: jsonl(list) }));
  const arn = await create('compat-js-converse', 'in/converse.jsonl', { modelInvocationType: 'Converse' });
  const job = await ended(() => get(arn));
  equal([job.status, job.modelInvocationType], ['Completed', 'Converse'], `the job (${job.message})`);
  await checkOutput(job, { 'converse.jsonl': list }, conversed);
});

await check('a job is stopped and keeps what was finished', async () => {
  const arn = await create('compat-js-stop', 'in/one/small.jsonl', { tags: [{ key: 'quarry-fault', value: 'slow=2s' }] });
  await reached(() => get(arn), (job) => job.processedRecordCount > 0, 'record processed');
  await bedrock.send(new StopModelInvocationJobCommand({ jobIdentifier: arn }));
  const job = await ended(() => get(arn));
  equal(job.status, 'Stopped', 'the status');
  holds(job.endTime && job.processedRecordCount > 0 && job.processedRecordCount < 110, `${job.processedRecordCount} records were processed`);
  const lines = (await read(`out/${arn.slice(-12)}/small.jsonl.out`)).trimEnd().split('\n');
  equal(lines.length, job.processedRecordCount, 'the lines of the output');
  const error = await refused(() => bedrock.send(new StopModelInvocationJobCommand({ jobIdentifier: arn })), 'ValidationException', 400);
  holds(error.message.includes('Stopped'), error.message);
});

const list = (input) => all(paginateListModelInvocationJobs({ client: bedrock, pageSize: input.maxResults }, { nameContains: 'compat-js-', ...input }), 'invocationJobSummaries');
const names = async (input) => (await list(input)).map((j) => j.jobName);

await check('List has every filter, both orders and pages', async () => {
  const newest = ['compat-js-stop', 'compat-js-converse', 'compat-js-folder', 'compat-js-first'];
  equal(await names({}), newest, 'by name');
  equal(await names({ sortBy: 'CreationTime', sortOrder: 'Ascending' }), newest.toReversed(), 'ascending');
  equal(await names({ maxResults: 1 }), newest, 'in pages of one');
  equal(await names({ statusEquals: 'Stopped' }), ['compat-js-stop'], 'by status');
  equal(await names({ statusEquals: 'Expired' }), [], 'by a status that none has');
  equal(await names({ submitTimeAfter: new Date(began - 60_000), submitTimeBefore: new Date(Date.now() + 60_000) }), newest, 'by time');
  equal(await names({ submitTimeBefore: new Date(began - 60_000) }), [], 'before all');
  const [job] = await list({ nameContains: 'compat-js-first' });
  equal([job.clientRequestToken, job.totalRecordCount, job.successRecordCount], [token, 110, 110], 'the summary');
  await refused(() => bedrock.send(new ListModelInvocationJobsCommand({ nextToken: 'no-such-page' })), 'ValidationException', 400);
});
