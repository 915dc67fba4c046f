// The code under test: it summarizes the articles of a bucket with one batch job.
import { BedrockClient, CreateModelInvocationJobCommand, GetModelInvocationJobCommand } from '@aws-sdk/client-bedrock';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';

const ended = ['Completed', 'PartiallyCompleted', 'Failed', 'Stopped', 'Expired'];

export async function submit(bucket, key, role) {
  const { jobArn } = await new BedrockClient().send(new CreateModelInvocationJobCommand({
    jobName: 'nightly',
    modelId: 'us.anthropic.claude-haiku-4-5-20251001-v1:0',
    roleArn: role,
    inputDataConfig: { s3InputDataConfig: { s3Uri: `s3://${bucket}/${key}` } },
    outputDataConfig: { s3OutputDataConfig: { s3Uri: `s3://${bucket}/out/` } },
  }));
  return jobArn;
}

const realSleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

// wait polls once a minute until the job has ended, and returns its status.
export async function wait(job, sleep = realSleep) {
  const bedrock = new BedrockClient();
  for (;;) {
    const { status } = await bedrock.send(new GetModelInvocationJobCommand({ jobIdentifier: job }));
    if (ended.includes(status)) return status;
    await sleep(60);
  }
}

// collect returns the summaries and the errors, by recordId.
export async function collect(bucket, key, job) {
  const Key = `out/${job.split('/').at(-1)}/${key.split('/').at(-1)}.out`;
  const { Body } = await new S3Client().send(new GetObjectCommand({ Bucket: bucket, Key }));
  const summaries = {};
  const errors = {};
  for (const line of (await Body.transformToString()).trimEnd().split('\n')) {
    const { recordId, modelOutput, error } = JSON.parse(line);
    if (error) errors[recordId] = error.errorMessage;
    else summaries[recordId] = modelOutput.content[0].text;
  }
  return { summaries, errors };
}
