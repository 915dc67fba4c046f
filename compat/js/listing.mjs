// listing.mjs BUCKET PREFIX: prints the keys, one a line.
import { paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';

const [, , Bucket, Prefix] = process.argv;
for await (const page of paginateListObjectsV2({ client: new S3Client({ forcePathStyle: true }) }, { Bucket, Prefix })) {
  for (const { Key } of page.Contents ?? []) console.log(Key);
}
