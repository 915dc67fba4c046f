import { BedrockClient, ListModelInvocationJobsCommand } from '@aws-sdk/client-bedrock';
import { DeleteRolePolicyCommand, IAMClient } from '@aws-sdk/client-iam';
import { beforeEach, expect, test } from 'vitest';

import { collect, submit, wait } from './nightly.js';
import { advance, faults, reset } from './standin.js';

const bucket = 'articles';
const key = 'in/articles.jsonl';
const role = 'arn:aws:iam::123456789012:role/nightly';

beforeEach(reset);

test('every article gets a summary', async () => {
  const job = await submit(bucket, key, role);
  // The job is ten minutes in each of Submitted, Validating and Scheduled; the clock moves, no test waits.
  expect(await wait(job, advance)).toBe('Completed');
  const { summaries, errors } = await collect(bucket, key, job);
  expect(errors).toEqual({});
  expect(Object.keys(summaries).sort()).toEqual(['basalt', 'granite', 'marble']);
  expect(summaries.basalt).toMatch(/^Basalt is a volcanic rock\./);
});

test('records that fail are reported', async () => {
  await faults('record-error');
  const job = await submit(bucket, key, role);
  await wait(job, advance);
  const { summaries, errors } = await collect(bucket, key, job);
  expect(summaries).toEqual({});
  expect(Object.keys(errors)).toHaveLength(3);
});

test('a role that cannot read fails the job', async () => {
  await new IAMClient().send(new DeleteRolePolicyCommand({ RoleName: 'nightly', PolicyName: 'job' }));
  const job = await submit(bucket, key, role);
  expect(await wait(job, advance)).toBe('Failed');
});

test('throttling reaches the caller when retries are off', async () => {
  await faults('throttle');
  const once = new BedrockClient({ maxAttempts: 1 });
  await expect(once.send(new ListModelInvocationJobsCommand())).rejects.toThrow('Too many requests');
});

test('each test starts with the same state', async () => {
  const { invocationJobSummaries } = await new BedrockClient().send(new ListModelInvocationJobsCommand());
  expect(invocationJobSummaries).toEqual([]);
});
