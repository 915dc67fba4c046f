// bridge.mjs BEDROCK_URL: Bedrock's control plane in front of a server that has an S3 of its own, for clients whose S3 is
// another one. It passes every request on as it came, signature and all; before a job is made its input is copied from the
// clients' S3 (AWS_ENDPOINT_URL_S3) to the server's, and before a client hears that a job has ended, its output comes back.
// It prints its address.
import http from 'node:http';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';

const behind = new URL(process.argv[2]);
const region = process.env.AWS_REGION;
const theirs = new S3Client({ region, endpoint: process.env.AWS_ENDPOINT_URL_S3, forcePathStyle: true,
  credentials: { accessKeyId: process.env.SECOND_KEY, secretAccessKey: process.env.SECOND_SECRET } });
const ours = new S3Client({ region, endpoint: behind.href, forcePathStyle: true });
const brought = new Map(); // job's ARN → the copy of its output, under way or done

const split = (uri) => /^s3:\/\/([^/]+)\/(.*)$/.exec(uri).slice(1);

async function copy(from, to, bucket, key) {
  const { Body } = await from.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  await to.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: await Body.transformToByteArray() }));
}

async function bringBack(job) {
  const [Bucket, prefix] = split(job.outputDataConfig.s3OutputDataConfig.s3Uri);
  const Prefix = `${prefix.replace(/\/?$/, '/')}${job.jobArn.split('/').pop()}/`;
  for (let ContinuationToken; ;) {
    const page = await ours.send(new ListObjectsV2Command({ Bucket, Prefix, ContinuationToken }));
    for (const { Key } of page.Contents ?? []) await copy(ours, theirs, Bucket, Key);
    if (!page.IsTruncated) return;
    ContinuationToken = page.NextContinuationToken;
  }
}

function pass(request, body) {
  return new Promise((resolve, reject) => {
    const there = http.request({ host: behind.hostname, port: behind.port, method: request.method, path: request.url, headers: request.headers }, (reply) => {
      const parts = [];
      reply.on('data', (part) => parts.push(part));
      reply.on('end', () => resolve({ status: reply.statusCode, headers: reply.headers, body: Buffer.concat(parts) }));
      reply.on('error', reject);
    });
    there.on('error', reject);
    there.end(body);
  });
}

const server = http.createServer(async (request, response) => {
  try {
    const parts = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts);
    if (request.method === 'POST' && request.url === '/model-invocation-job') {
      await copy(theirs, ours, ...split(JSON.parse(body).inputDataConfig.s3InputDataConfig.s3Uri));
    }
    const reply = await pass(request, body);
    if (request.method === 'GET' && request.url.startsWith('/model-invocation-job/') && reply.status === 200) {
      const job = JSON.parse(reply.body);
      if (['Completed', 'PartiallyCompleted', 'Failed', 'Stopped', 'Expired'].includes(job.status)) {
        if (!brought.has(job.jobArn)) brought.set(job.jobArn, bringBack(job));
        await brought.get(job.jobArn);
      }
    }
    response.writeHead(reply.status, reply.headers).end(reply.body);
  } catch (error) {
    console.error(request.method, request.url, error);
    response.writeHead(500).end(String(error));
  }
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
