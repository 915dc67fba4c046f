// What goes wrong, and by which name.
import { BedrockClient, CreateModelInvocationJobCommand, GetModelInvocationJobCommand, ListModelInvocationJobsCommand } from '@aws-sdk/client-bedrock';
import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { IAMClient, ListRolesCommand } from '@aws-sdk/client-iam';
import { CreateBucketCommand, GetObjectCommand, HeadBucketCommand, ListBucketsCommand, PutObjectCommand, RenameObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ListServiceQuotasCommand, ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { check, ended, equal, holds, refused } from './check.mjs';
import { converse, jsonl, profile, records } from './records.mjs';
import { attach, make, rights, trust, trustAccount } from './role.mjs';

const region = process.env.AWS_REGION;
const s3 = new S3Client({});
const bedrock = new BedrockClient({});
const iam = new IAMClient({});
const sts = new STSClient({});
const bucket = 'compat-js-refusals';
const { Account: account } = await sts.send(new GetCallerIdentityCommand({}));
await s3.send(new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: region } }));
const role = await make(iam, 'compat-js-refusals', trust(account, region), rights(bucket));

function spec(change = {}) {
  return {
    jobName: 'compat-refused', roleArn: role, modelId: profile,
    inputDataConfig: { s3InputDataConfig: { s3Uri: `s3://${bucket}/in.jsonl` } },
    outputDataConfig: { s3OutputDataConfig: { s3Uri: `s3://${bucket}/out/` } },
    ...change,
  };
}
const create = (change, client = bedrock) => client.send(new CreateModelInvocationJobCommand(spec(change)));

await check('a bad jobName is a ValidationException in the words of the service', async () => {
  const error = await refused(() => create({ jobName: 'my_bad_name' }), 'ValidationException', 400);
  holds(error.message.startsWith("1 validation error detected: Value 'my_bad_name' at 'jobName' failed to satisfy constraint: Member must satisfy regular expression pattern: "), error.message);
  holds(error.$metadata.requestId, 'there is no request id');
});

await check('other fields are checked too', async () => {
  await refused(() => create({ timeoutDurationInHours: 23 }), 'ValidationException', 400);
  await refused(() => create({ modelId: 'anthropic.no-such-model-v1:0' }), 'ValidationException', 400);
  await refused(() => create({ inputDataConfig: { s3InputDataConfig: { s3Uri: `s3://${bucket}/dt=2026-01-01/` } } }), 'ValidationException', 400);
  await refused(() => bedrock.send(new GetModelInvocationJobCommand({ jobIdentifier: 'abcdefghijkl' })), 'ResourceNotFoundException', 404);
});

// failed makes a job that is accepted and fails later, and gives its message.
async function failed(change) {
  const { jobArn } = await create(change);
  const job = await ended(() => bedrock.send(new GetModelInvocationJobCommand({ jobIdentifier: jobArn })));
  equal(job.status, 'Failed', 'the status');
  return job.message;
}

await check('jobs fail late: no input, too few records, a bad line', async () => {
  equal(await failed(), `Could not validate GetObject permissions to access Amazon S3 bucket: ${bucket} at key in.jsonl.`, 'the message without input');
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'in.jsonl', Body: jsonl(records(1)) }));
  equal(await failed(), 'Batch job contains less records (1) than the required minimum of: 100', 'the message of one record');
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'in.jsonl', Body: jsonl(records(50)) + '{"recordId":"x"}\n' + jsonl(records(60)) }));
  holds((await failed()).includes('line 51'), 'the bad line is not named');
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'in.jsonl', Body: jsonl(records(100)) }));
});

await check('a role without rights, without trust or that is not there fails the job', async () => {
  const powerless = await make(iam, 'compat-js-powerless', trust(account, region), '');
  equal(await failed({ roleArn: powerless }), `Could not validate GetObject permissions to access Amazon S3 bucket: ${bucket} at key in.jsonl.`, 'the message without rights');
  const untrusted = await make(iam, 'compat-js-untrusted', trust(account, 'eu-west-1'), rights(bucket));
  holds((await failed({ roleArn: untrusted })).includes(untrusted), 'the role of another Region is not named');
  const missing = `arn:aws:iam::${account}:role/compat-js-nobody`;
  holds((await failed({ roleArn: missing })).includes(missing), 'the missing role is not named');
});

await check('a role is assumed, and may do what its policies say', async () => {
  const reader = await make(iam, 'compat-js-reader', trustAccount(account), '');
  await attach(iam, 'compat-js-reader', 'AmazonBedrockReadOnly');
  const { Credentials: c } = await sts.send(new AssumeRoleCommand({ RoleArn: reader, RoleSessionName: 'compat' }));
  const credentials = { accessKeyId: c.AccessKeyId, secretAccessKey: c.SecretAccessKey, sessionToken: c.SessionToken };
  const me = await new STSClient({ credentials }).send(new GetCallerIdentityCommand({}));
  equal(me.Arn, `arn:aws:sts::${account}:assumed-role/compat-js-reader/compat`, 'the session');
  await new BedrockClient({ credentials }).send(new ListModelInvocationJobsCommand({}));
  const error = await refused(() => create({}, new BedrockClient({ credentials })), 'AccessDeniedException', 403);
  holds(error.message.includes('bedrock:CreateModelInvocationJob'), error.message);
  await refused(() => new BedrockRuntimeClient({ credentials }).send(new ConverseCommand({ modelId: profile, ...converse(0) })), 'AccessDeniedException', 403);
  await refused(() => new IAMClient({ credentials }).send(new ListRolesCommand({})), 'AccessDenied', 403);
  await refused(() => new S3Client({ credentials }).send(new GetObjectCommand({ Bucket: bucket, Key: 'in.jsonl' })), 'AccessDenied', 403);
});

await check('a wrong secret is refused by every service', async () => {
  const credentials = { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: 'wrong' };
  await refused(() => create({}, new BedrockClient({ credentials })), 'InvalidSignatureException', 403);
  await refused(() => new BedrockRuntimeClient({ credentials }).send(new ConverseCommand({ modelId: profile, ...converse(0) })), 'InvalidSignatureException', 403);
  await refused(() => new S3Client({ credentials }).send(new ListBucketsCommand({})), 'SignatureDoesNotMatch', 403);
  await refused(() => new IAMClient({ credentials }).send(new ListRolesCommand({})), 'SignatureDoesNotMatch', 403);
  await refused(() => new STSClient({ credentials }).send(new GetCallerIdentityCommand({})), 'SignatureDoesNotMatch', 403);
  await refused(() => new ServiceQuotasClient({ credentials }).send(new ListServiceQuotasCommand({ ServiceCode: 'bedrock' })), 'InvalidSignatureException');
});

await check('a key that is not there is refused', async () => {
  const credentials = { accessKeyId: 'AKIANOBODY0000000000', secretAccessKey: 'wrong' };
  await refused(() => new S3Client({ credentials }).send(new ListBucketsCommand({})), 'InvalidAccessKeyId', 403);
  await refused(() => create({}, new BedrockClient({ credentials })), 'UnrecognizedClientException', 403);
  await refused(() => new STSClient({ credentials }).send(new GetCallerIdentityCommand({})), 'InvalidClientTokenId', 403);
});

await check('S3 says what is not there', async () => {
  await refused(() => s3.send(new GetObjectCommand({ Bucket: bucket, Key: 'nothing' })), 'NoSuchKey', 404);
  await refused(() => s3.send(new GetObjectCommand({ Bucket: 'compat-js-no-such-bucket', Key: 'k' })), 'NoSuchBucket', 404);
  await refused(() => s3.send(new HeadBucketCommand({ Bucket: 'compat-js-no-such-bucket' })), 'NotFound', 404);
});

await check('S3 refuses what it would get wrong', async () => {
  const far = { LocationConstraint: 'eu-west-1' };
  await refused(() => s3.send(new CreateBucketCommand({ Bucket: 'compat-js-far', CreateBucketConfiguration: far })), 'IllegalLocationConstraintException', 400);
  await refused(() => s3.send(new RenameObjectCommand({ Bucket: bucket, Key: 'new.jsonl', RenameSource: `/${bucket}/in.jsonl` })), 'NotImplemented', 501);
});
