// What setting up asks of IAM and S3, and presigned URLs.
import {
  AttachRolePolicyCommand, CreateRoleCommand, DeleteRoleCommand, DeleteRolePolicyCommand, DetachRolePolicyCommand, GetRoleCommand,
  GetRolePolicyCommand, IAMClient, ListAttachedRolePoliciesCommand, PutRolePolicyCommand, SimulatePrincipalPolicyCommand,
  UpdateAssumeRolePolicyCommand, paginateListRolePolicies, paginateListRoles,
} from '@aws-sdk/client-iam';
import {
  CopyObjectCommand, CreateBucketCommand, DeleteBucketCommand, DeleteBucketLifecycleCommand, DeleteBucketPolicyCommand, DeleteObjectCommand,
  DeleteObjectsCommand, GetBucketEncryptionCommand, GetBucketLifecycleConfigurationCommand, GetBucketLocationCommand, GetBucketPolicyCommand,
  GetBucketTaggingCommand, GetBucketVersioningCommand, GetObjectCommand, GetPublicAccessBlockCommand, HeadBucketCommand, PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand, PutBucketPolicyCommand, PutBucketTaggingCommand, PutObjectCommand, PutPublicAccessBlockCommand,
  S3Client, paginateListObjectsV2,
} from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { all, check, equal, holds, refused } from './check.mjs';
import { rights, trust } from './role.mjs';

const region = process.env.AWS_REGION;
const s3 = new S3Client({});
const iam = new IAMClient({});
const Bucket = 'compat-js-setup';
const RoleName = 'compat-js-setup';
const { Account: account } = await new STSClient({}).send(new GetCallerIdentityCommand({}));
await s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: region } }));

await check('a role lives from CreateRole to DeleteRole', async () => {
  const made = await iam.send(new CreateRoleCommand({ RoleName, Path: '/service/', Description: 'for jobs', AssumeRolePolicyDocument: trust(account, region) }));
  equal(made.Role.Arn, `arn:aws:iam::${account}:role/service/${RoleName}`, 'the ARN');
  await refused(() => iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust(account, region) })), 'EntityAlreadyExistsException', 409);
  await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: trust(account, 'eu-west-1') }));
  const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
  equal(JSON.parse(decodeURIComponent(Role.AssumeRolePolicyDocument)), JSON.parse(trust(account, 'eu-west-1')), 'the trust policy');
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'rights', PolicyDocument: rights(Bucket) }));
  const { PolicyDocument } = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName: 'rights' }));
  equal(JSON.parse(decodeURIComponent(PolicyDocument)), JSON.parse(rights(Bucket)), 'the inline policy');
  equal(await all(paginateListRolePolicies({ client: iam }, { RoleName }), 'PolicyNames'), ['rights'], 'the names');
  holds((await all(paginateListRoles({ client: iam, pageSize: 1 }, {}), 'Roles')).some((r) => r.RoleName === RoleName), 'the role is not listed');
  const PolicyArn = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
  await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
  const { AttachedPolicies } = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
  equal(AttachedPolicies, [{ PolicyName: 'AmazonS3ReadOnlyAccess', PolicyArn }], 'the attached policies');
  await refused(() => iam.send(new DeleteRoleCommand({ RoleName })), 'DeleteConflictException', 409);
});

await check('SimulatePrincipalPolicy decides as the policies say', async () => {
  const decide = async (action, resource) => {
    const { EvaluationResults } = await iam.send(new SimulatePrincipalPolicyCommand({
      PolicySourceArn: `arn:aws:iam::${account}:role/service/${RoleName}`, ActionNames: [action], ResourceArns: [resource],
    }));
    return EvaluationResults.map((r) => r.EvalDecision);
  };
  equal(await decide('s3:PutObject', `arn:aws:s3:::${Bucket}/out/x`), ['allowed'], 'PutObject');
  equal(await decide('s3:DeleteObject', `arn:aws:s3:::${Bucket}/out/x`), ['implicitDeny'], 'DeleteObject');
  equal(await decide('bedrock:InvokeModel', `arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0`), ['allowed'], 'InvokeModel');
});

await check('the role is taken apart again', async () => {
  await iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn: 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess' }));
  await iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: 'rights' }));
  await iam.send(new DeleteRoleCommand({ RoleName }));
  await refused(() => iam.send(new GetRoleCommand({ RoleName })), 'NoSuchEntityException', 404);
});

await check('a bucket says where it is, and how it is protected', async () => {
  equal((await s3.send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint, region, 'the location');
  equal((await s3.send(new HeadBucketCommand({ Bucket }))).BucketRegion, region, 'the header of HeadBucket');
  equal((await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status, undefined, 'the versioning');
  const block = { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true };
  await s3.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: block }));
  equal((await s3.send(new GetPublicAccessBlockCommand({ Bucket }))).PublicAccessBlockConfiguration, block, 'the public access block');
  const rule = async () => (await s3.send(new GetBucketEncryptionCommand({ Bucket }))).ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault;
  equal(await rule(), { SSEAlgorithm: 'AES256' }, 'the encryption of a new bucket');
  const KMSMasterKeyID = `arn:aws:kms:${region}:${account}:key/11111111-2222-3333-4444-555555555555`;
  await s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID } }] } }));
  equal(await rule(), { SSEAlgorithm: 'aws:kms', KMSMasterKeyID }, 'the encryption that was set');
});

await check('a bucket keeps policy, lifecycle and tags', async () => {
  await refused(() => s3.send(new GetBucketPolicyCommand({ Bucket })), 'NoSuchBucketPolicy', 404);
  const policy = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Deny', Principal: '*', Action: 's3:*', Resource: [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`], Condition: { Bool: { 'aws:SecureTransport': 'false' } } }],
  };
  await s3.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify(policy) }));
  equal(JSON.parse((await s3.send(new GetBucketPolicyCommand({ Bucket }))).Policy), policy, 'the policy');
  await refused(() => s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket })), 'NoSuchLifecycleConfiguration', 404);
  await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: [{ ID: 'old', Status: 'Enabled', Filter: { Prefix: 'quarry/' }, Expiration: { Days: 30 } }] } }));
  equal((await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))).Rules[0].Expiration.Days, 30, 'the days');
  await refused(() => s3.send(new GetBucketTaggingCommand({ Bucket })), 'NoSuchTagSet', 404);
  await s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet: [{ Key: 'team', Value: 'search' }] } }));
  equal((await s3.send(new GetBucketTaggingCommand({ Bucket }))).TagSet, [{ Key: 'team', Value: 'search' }], 'the tags');
  await s3.send(new DeleteBucketPolicyCommand({ Bucket }));
  await s3.send(new DeleteBucketLifecycleCommand({ Bucket }));
});

await check('presigned URLs put and get, and expire', async () => {
  const put = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: 'a b/ü+1.txt' }), { expiresIn: 60 });
  equal((await fetch(put, { method: 'PUT', body: 'signed' })).status, 200, 'the status of PUT');
  const get = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: 'a b/ü+1.txt' }), { expiresIn: 60 });
  equal(await (await fetch(get)).text(), 'signed', 'what GET gives');
  const other = await fetch(get.replace('1.txt', '2.txt'));
  equal([other.status, (await other.text()).includes('<Code>SignatureDoesNotMatch</Code>')], [403, true], 'another key');
  const old = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: 'a b/ü+1.txt' }), { expiresIn: 60, signingDate: new Date(Date.now() - 120_000) });
  equal((await fetch(old)).status, 403, 'the status after its time');
});

await check('objects are listed, copied, compared, read in part and deleted', async () => {
  const keys = Array.from({ length: 25 }, (_, i) => `list/${i % 2 ? 'odd' : 'even'}/${String(i).padStart(3, '0')} ü.txt`);
  await Promise.all(keys.map((Key) => s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }))));
  equal((await all(paginateListObjectsV2({ client: s3, pageSize: 7 }, { Bucket, Prefix: 'list/' }), 'Contents')).map((o) => o.Key), keys.toSorted(), 'the keys');
  equal((await all(paginateListObjectsV2({ client: s3 }, { Bucket, Prefix: 'list/', Delimiter: '/' }), 'CommonPrefixes')).map((p) => p.Prefix), ['list/even/', 'list/odd/'], 'the folders');
  await s3.send(new CopyObjectCommand({ Bucket, Key: 'copy.txt', CopySource: encodeURI(`${Bucket}/${keys[0]}`) }));
  equal(await (await s3.send(new GetObjectCommand({ Bucket, Key: 'copy.txt', Range: 'bytes=0-3' }))).Body.transformToString(), 'list', 'the first four bytes');
  await refused(() => s3.send(new PutObjectCommand({ Bucket, Key: 'copy.txt', Body: 'x', IfNoneMatch: '*' })), 'PreconditionFailed', 412);
  await refused(() => s3.send(new DeleteBucketCommand({ Bucket })), 'BucketNotEmpty', 409);
  const { Deleted } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [...keys, 'a b/ü+1.txt'].map((Key) => ({ Key })) } }));
  equal(Deleted.length, 26, 'the number of deleted objects');
  await s3.send(new DeleteObjectCommand({ Bucket, Key: 'copy.txt' }));
  await s3.send(new DeleteBucketCommand({ Bucket }));
});

await check('a bucket of another Region is reached from there', async () => {
  const far = new S3Client({ region: 'ap-northeast-1' });
  await far.send(new CreateBucketCommand({ Bucket: 'compat-js-tokyo', CreateBucketConfiguration: { LocationConstraint: 'ap-northeast-1' } }));
  equal((await s3.send(new GetBucketLocationCommand({ Bucket: 'compat-js-tokyo' }))).LocationConstraint, 'ap-northeast-1', 'the location');
  await far.send(new DeleteBucketCommand({ Bucket: 'compat-js-tokyo' }));
});
