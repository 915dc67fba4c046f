import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import nightly

BUCKET, KEY = "articles", "in/articles.jsonl"
ROLE = "arn:aws:iam::123456789012:role/nightly"


def test_every_article_gets_a_summary(standin):
    job = nightly.submit(BUCKET, KEY, ROLE)
    # The job is ten minutes in each of Submitted, Validating and Scheduled; the clock moves, no test waits.
    assert nightly.wait(job, sleep=standin.advance) == "Completed"
    summaries, errors = nightly.collect(BUCKET, KEY, job)
    assert not errors
    assert summaries["basalt"].startswith("Basalt is a volcanic rock.")
    assert set(summaries) == {"basalt", "granite", "marble"}


def test_records_that_fail_are_reported(standin):
    standin.faults("record-error")
    job = nightly.submit(BUCKET, KEY, ROLE)
    nightly.wait(job, sleep=standin.advance)
    summaries, errors = nightly.collect(BUCKET, KEY, job)
    assert not summaries
    assert len(errors) == 3


def test_a_role_that_cannot_read_fails_the_job(standin):
    boto3.client("iam").delete_role_policy(RoleName="nightly", PolicyName="job")
    job = nightly.submit(BUCKET, KEY, ROLE)
    assert nightly.wait(job, sleep=standin.advance) == "Failed"


def test_throttling_reaches_the_caller_when_retries_are_off(standin):
    standin.faults("throttle")
    once = boto3.client("bedrock", config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(ClientError, match="ThrottlingException"):
        once.list_model_invocation_jobs()


def test_each_test_starts_with_the_same_state(standin):
    assert boto3.client("bedrock").list_model_invocation_jobs()["invocationJobSummaries"] == []
    assert boto3.client("iam").list_role_policies(RoleName="nightly")["PolicyNames"] == ["job"]
