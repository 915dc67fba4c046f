// A server with another one as its back end, which answers jobs and calls in the form of the requested family.
import { BedrockClient, CreateModelInvocationJobCommand, GetModelInvocationJobCommand } from '@aws-sdk/client-bedrock';
import { BedrockRuntimeClient, ConverseCommand, InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import { IAMClient } from '@aws-sdk/client-iam';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { check, ended, equal, holds } from './check.mjs';
import { converse, jsonl, profile, records } from './records.mjs';
import { make, rights, trust } from './role.mjs';

const wire = process.env.COMPAT_NAME === 'anthropic' ? 'messages' : 'chat';
const region = process.env.AWS_REGION;
const bucket = 'compat-js-backend';
const s3 = new S3Client({});
const bedrock = new BedrockClient({});
const runtime = new BedrockRuntimeClient({});
const says = (text) => holds(text.startsWith(`${wire} of `), `the answer is ${text}`);

await check('a job of Anthropic bodies is answered by the back end', async () => {
  await s3.send(new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: region } }));
  const roleArn = await make(new IAMClient({}), 'compat-js-backend', trust('123456789012', region), rights(bucket));
  const sent = records(120);
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'in.jsonl', Body: jsonl(sent) }));
  const { jobArn } = await bedrock.send(new CreateModelInvocationJobCommand({
    jobName: 'compat-backend', roleArn, modelId: profile,
    inputDataConfig: { s3InputDataConfig: { s3Uri: `s3://${bucket}/in.jsonl` } },
    outputDataConfig: { s3OutputDataConfig: { s3Uri: `s3://${bucket}/out/` } },
  }));
  const job = await ended(() => bedrock.send(new GetModelInvocationJobCommand({ jobIdentifier: jobArn })));
  equal([job.status, job.successRecordCount], ['Completed', 120], `the job (${job.message})`);
  const out = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: `out/${jobArn.slice(-12)}/in.jsonl.out` }));
  const lines = (await out.Body.transformToString()).trimEnd().split('\n').map((line) => JSON.parse(line));
  equal(lines.map((l) => l.recordId), sent.map((r) => r.recordId), 'the recordIds');
  for (const { modelOutput } of lines) {
    says(modelOutput.content[0].text);
    equal([modelOutput.model, modelOutput.stop_reason, modelOutput.usage.output_tokens], ['mock-7b', 'end_turn', 3], 'the answer');
  }
});

await check('Converse and the bodies of other families are answered too', async () => {
  const answer = await runtime.send(new ConverseCommand({ modelId: 'us.amazon.nova-lite-v1:0', ...converse(0) }));
  says(answer.output.message.content[0].text);
  equal(answer.additionalModelResponseFields, { model: 'mock-7b' }, 'the model');
  const invoke = async (modelId, body) => JSON.parse(Buffer.from((await runtime.send(new InvokeModelCommand({ modelId, body: JSON.stringify(body) }))).body).toString());
  says((await invoke('us.meta.llama3-3-70b-instruct-v1:0', { prompt: 'Say something.' })).generation);
  says((await invoke('openai.gpt-oss-120b-1:0', { messages: [{ role: 'user', content: 'Say something.' }] })).choices[0].message.content);
});
