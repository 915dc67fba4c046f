// Uploads of streams, which the SDK sends in aws-chunked, with and without a length of the request.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { check, equal } from './check.mjs';

const client = new S3Client({ requestStreamBufferSize: 65_536 });
const Bucket = 'uploads-of-streams';
const bytes = (size) => Buffer.alloc(size, 'quarry ');
const stream = (size) => Readable.from((function* pieces() {
  const all = bytes(size);
  for (let at = 0; at < size; at += 65_536) yield all.subarray(at, at + 65_536);
})());
const digest = (data) => createHash('sha256').update(data).digest('hex');

await check('a bucket for streams', () => client.send(new CreateBucketCommand({
  Bucket, CreateBucketConfiguration: { LocationConstraint: process.env.AWS_REGION },
})));

for (const size of [0, 10, 65_536, 9_000_000, 33_000_000]) {
  for (const ChecksumAlgorithm of [undefined, 'CRC32C', 'SHA256']) {
    await check(`a stream of ${size} bytes with ${ChecksumAlgorithm ?? 'the default checksum'}`, async () => {
      const Key = `stream-${size}-${ChecksumAlgorithm}`;
      await client.send(new PutObjectCommand({ Bucket, Key, Body: stream(size), ContentLength: size, ChecksumAlgorithm }));
      const { Body, ContentEncoding } = await client.send(new GetObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }));
      equal(ContentEncoding, undefined, 'the encoding');
      equal(digest(await Body.transformToByteArray()), digest(bytes(size)), 'the digest');
    });
  }
}
