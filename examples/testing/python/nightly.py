"""The code under test: it summarizes the articles of a bucket with one batch job."""

import json
import time

import boto3

MODEL = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
ENDED = ("Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired")


def submit(bucket, key, role):
    return boto3.client("bedrock").create_model_invocation_job(
        jobName="nightly",
        modelId=MODEL,
        roleArn=role,
        inputDataConfig={"s3InputDataConfig": {"s3Uri": f"s3://{bucket}/{key}"}},
        outputDataConfig={"s3OutputDataConfig": {"s3Uri": f"s3://{bucket}/out/"}},
    )["jobArn"]


def wait(job, sleep=time.sleep):
    """Polls once a minute until the job has ended, and returns its status."""
    bedrock = boto3.client("bedrock")
    while True:
        status = bedrock.get_model_invocation_job(jobIdentifier=job)["status"]
        if status in ENDED:
            return status
        sleep(60)


def collect(bucket, key, job):
    """Returns the summaries and the errors, by recordId."""
    name = f"out/{job.rsplit('/', 1)[1]}/{key.rsplit('/', 1)[1]}.out"
    body = boto3.client("s3").get_object(Bucket=bucket, Key=name)["Body"]
    summaries, errors = {}, {}
    for line in body.iter_lines():
        record = json.loads(line)
        if "error" in record:
            errors[record["recordId"]] = record["error"]["errorMessage"]
        else:
            summaries[record["recordId"]] = record["modelOutput"]["content"][0]["text"]
    return summaries, errors
