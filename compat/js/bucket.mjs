// bucket.mjs NAME: makes a bucket.
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';

const region = process.env.AWS_REGION;
await new S3Client({ forcePathStyle: true }).send(new CreateBucketCommand({ Bucket: process.argv[2], CreateBucketConfiguration: { LocationConstraint: region } }));
