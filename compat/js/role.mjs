// The service role of a job, as the user guide has it.
import {
  AttachRolePolicyCommand, CreateRoleCommand, GetRoleCommand, PutRolePolicyCommand,
} from '@aws-sdk/client-iam';

const document = (...statements) => JSON.stringify({ Version: '2012-10-17', Statement: statements });

export function trust(account, region) {
  return document({
    Effect: 'Allow',
    Principal: { Service: 'bedrock.amazonaws.com' },
    Action: 'sts:AssumeRole',
    Condition: {
      StringEquals: { 'aws:SourceAccount': account },
      ArnEquals: { 'aws:SourceArn': `arn:aws:bedrock:${region}:${account}:model-invocation-job/*` },
    },
  });
}

export function trustAccount(account) {
  return document({ Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: 'sts:AssumeRole' });
}

export function rights(bucket) {
  return document(
    { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: `arn:aws:s3:::${bucket}/*` },
    { Effect: 'Allow', Action: 's3:ListBucket', Resource: `arn:aws:s3:::${bucket}` },
    { Effect: 'Allow', Action: 'bedrock:InvokeModel', Resource: ['arn:aws:bedrock:*:*:inference-profile/*', 'arn:aws:bedrock:*::foundation-model/*'] },
  );
}

// make creates a role with an inline policy, unless policy is empty, and gives its ARN.
export async function make(iam, name, trustPolicy, policy) {
  await iam.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: trustPolicy, Tags: [{ Key: 'made-by', Value: 'compat' }] }));
  if (policy) await iam.send(new PutRolePolicyCommand({ RoleName: name, PolicyName: 'rights', PolicyDocument: policy }));
  const { Role } = await iam.send(new GetRoleCommand({ RoleName: name }));
  return Role.Arn;
}

export const attach = (iam, name, policy) =>
  iam.send(new AttachRolePolicyCommand({ RoleName: name, PolicyArn: `arn:aws:iam::aws:policy/${policy}` }));
