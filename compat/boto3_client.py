"""boto3 does the whole job. One line a check, as compat/run counts them."""

import http.client
import json
import os
import re
import sys
import time
import urllib.parse
from datetime import datetime, timedelta, timezone

import boto3
from botocore.client import Config
from botocore.exceptions import ClientError

NAME = os.environ.get("COMPAT_NAME", "boto3")
PROFILE = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
MODEL = "anthropic.claude-haiku-4-5-20251001-v1:0"
BUCKET = "compat-boto3-job"
ROLE = "compat-boto3-job"

sts, iam, s3 = boto3.client("sts"), boto3.client("iam"), boto3.client("s3")
bedrock, runtime = boto3.client("bedrock"), boto3.client("bedrock-runtime")
quotas = boto3.client("service-quotas")
region = bedrock.meta.region_name
account = sts.get_caller_identity()["Account"]
failed = False


def check(name):
    """Run the function below it as one check; what it raises is its failure."""

    def run(function):
        global failed
        try:
            function()
            print(f"ok   {NAME}: {name}", flush=True)
        except Exception as error:  # any failure is one line
            failed = True
            text = re.sub(r"\s+", " ", str(error))[:400]
            print(f"FAIL {NAME}: {name}: {type(error).__name__}: {text}", flush=True)

    return run


def equal(got, want, what):
    if got != want:
        raise AssertionError(f"{what} is {got!r}, want {want!r}")


def holds(condition, what):
    if not condition:
        raise AssertionError(what)


def refused(code, status, call, **parameters):
    try:
        answer = call(**parameters)
    except ClientError as error:
        equal(error.response["Error"]["Code"], code, "the code")
        equal(error.response["ResponseMetadata"]["HTTPStatusCode"], status, f"the status of {code}")
        return error
    raise AssertionError(f"was answered with {answer}, want {code}")


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../examples/articles.jsonl"), encoding="utf-8") as file:
    articles = [json.loads(line) for line in file]


def record(i):
    article = articles[i % len(articles)]
    return {
        "recordId": f"doc-{i:05}",
        "modelInput": {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 4096,
            "temperature": 0.1,
            "system": "You are a technical blog summary expert. Answer with one JSON object with the keys title_en, summary_ja and summary_en.",
            "messages": [{"role": "user", "content": f"Title: {article['title']}\n\nArticle:\n{article['content'][:50000]}"}],
        },
    }


def jsonl(records):
    return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records).encode()


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


RECORDS = [record(i) for i in range(120)]
TRUST = document({
    "Effect": "Allow",
    "Principal": {"Service": "bedrock.amazonaws.com"},
    "Action": "sts:AssumeRole",
    "Condition": {
        "StringEquals": {"aws:SourceAccount": account},
        "ArnEquals": {"aws:SourceArn": f"arn:aws:bedrock:{region}:{account}:model-invocation-job/*"},
    },
})
RIGHTS = document(
    {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::{BUCKET}/*"},
    {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": ["arn:aws:bedrock:*:*:inference-profile/*", "arn:aws:bedrock:*::foundation-model/*"]},
)
role_arn = f"arn:aws:iam::{account}:role/{ROLE}"


def create(name, **more):
    return bedrock.create_model_invocation_job(
        jobName=name, modelId=PROFILE, **{"roleArn": role_arn, **more},
        inputDataConfig={"s3InputDataConfig": {"s3Uri": f"s3://{BUCKET}/in/records.jsonl"}},
        outputDataConfig={"s3OutputDataConfig": {"s3Uri": f"s3://{BUCKET}/out/"}},
    )["jobArn"]


def ended(arn, seconds=90):
    until = time.monotonic() + seconds
    while True:
        job = bedrock.get_model_invocation_job(jobIdentifier=arn)
        if job["status"] in ("Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired"):
            return job
        holds(time.monotonic() < until, f"the job is still {job['status']}")
        time.sleep(0.1)


def read(key):
    return s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()


@check("bucket and role are made")
def _():
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": region})
    s3.get_waiter("bucket_exists").wait(Bucket=BUCKET)
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=TRUST)
    iam.get_waiter("role_exists").wait(RoleName=ROLE)
    iam.put_role_policy(RoleName=ROLE, PolicyName="rights", PolicyDocument=RIGHTS)
    got = iam.get_role(RoleName=ROLE)["Role"]
    equal((got["Arn"], got["AssumeRolePolicyDocument"]), (role_arn, json.loads(TRUST)), "the role")
    equal(iam.get_role_policy(RoleName=ROLE, PolicyName="rights")["PolicyDocument"], json.loads(RIGHTS), "the policy")
    decisions = iam.simulate_principal_policy(
        PolicySourceArn=role_arn, ActionNames=["s3:PutObject", "s3:DeleteObject"], ResourceArns=[f"arn:aws:s3:::{BUCKET}/out/x"]
    )["EvaluationResults"]
    equal([d["EvalDecision"] for d in decisions], ["allowed", "implicitDeny"], "the decisions")


@check("records are uploaded, a large file in parts by the transfer manager")
def _():
    s3.put_object(Bucket=BUCKET, Key="in/records.jsonl", Body=jsonl(RECORDS))
    folder = os.environ["COMPAT_TMP"]
    large = os.path.join(folder, "large.jsonl")
    with open(large, "wb") as out:
        while out.tell() < 18 << 20:
            out.write(jsonl(RECORDS))
    s3.upload_file(large, BUCKET, "large/large.jsonl")
    head = s3.head_object(Bucket=BUCKET, Key="large/large.jsonl", ChecksumMode="ENABLED")
    holds(re.search(r'-3"$', head["ETag"]), f"the ETag {head['ETag']} is not one of three parts")
    holds(head.get("ChecksumCRC32"), "there is no CRC32")
    s3.download_file(BUCKET, "large/large.jsonl", large + ".back")
    with open(large, "rb") as sent, open(large + ".back", "rb") as back:
        holds(sent.read() == back.read(), "what came back differs")


@check("a job runs to its end, and every recordId has its answer")
def _():
    arn = create("compat-boto3-first", clientRequestToken="compat-boto3-1")
    equal(create("compat-boto3-first", clientRequestToken="compat-boto3-1"), arn, "the ARN for the same token")
    equal(bedrock.get_model_invocation_job(jobIdentifier=arn[-12:])["jobArn"], arn, "the ARN by the bare id")
    job = ended(arn)
    equal((job["status"], job["totalRecordCount"], job["successRecordCount"]), ("Completed", 120, 120), f"the job ({job.get('message')})")
    lines = [json.loads(line) for line in read(f"out/{arn[-12:]}/records.jsonl.out").splitlines()]
    equal({l["recordId"]: l["modelInput"] for l in lines}, {r["recordId"]: r["modelInput"] for r in RECORDS}, "the records")
    equal(len(lines), 120, "the number of lines")
    for line in lines:
        equal(sorted(json.loads(line["modelOutput"]["content"][0]["text"])), ["summary_en", "summary_ja", "title_en"], f"the keys of {line['recordId']}")
    manifest = json.loads(read(f"out/{arn[-12:]}/manifest.json.out"))
    usage = [l["modelOutput"]["usage"] for l in lines]
    equal(manifest, {
        "totalRecordCount": 120, "processedRecordCount": 120, "successRecordCount": 120, "errorRecordCount": 0,
        "inputTokenCount": sum(u["input_tokens"] for u in usage), "outputTokenCount": sum(u["output_tokens"] for u in usage),
    }, "the manifest")


@check("a job is stopped")
def _():
    arn = create("compat-boto3-stop", tags=[{"key": "quarry-fault", "value": "slow=30s"}])
    bedrock.stop_model_invocation_job(jobIdentifier=arn)
    equal(ended(arn)["status"], "Stopped", "the status")
    refused("ValidationException", 400, bedrock.stop_model_invocation_job, jobIdentifier=arn)


@check("jobs are listed by filter and in pages")
def _():
    def names(**parameters):
        pages = bedrock.get_paginator("list_model_invocation_jobs").paginate(
            nameContains="compat-boto3", PaginationConfig={"PageSize": 1}, **parameters)
        return [j["jobName"] for page in pages for j in page["invocationJobSummaries"]]

    equal(names(), ["compat-boto3-stop", "compat-boto3-first"], "the names")
    equal(names(sortBy="CreationTime", sortOrder="Ascending"), ["compat-boto3-first", "compat-boto3-stop"], "the names ascending")
    equal(names(statusEquals="Completed"), ["compat-boto3-first"], "the completed")
    now = datetime.now(timezone.utc)
    equal(names(submitTimeAfter=now - timedelta(hours=1), submitTimeBefore=now + timedelta(hours=1)), names(), "those of this hour")
    equal(names(submitTimeBefore=now - timedelta(hours=1)), [], "those before")


@check("on-demand calls: InvokeModel, Converse, CountTokens")
def _():
    body = json.dumps(RECORDS[0]["modelInput"])
    out = json.loads(runtime.invoke_model(modelId=PROFILE, body=body)["body"].read())
    equal((out["type"], out["model"]), ("message", "quarry.extractive-v1"), "the answer")
    messages = [{"role": "user", "content": [{"text": RECORDS[1]["modelInput"]["messages"][0]["content"]}]}]
    conversed = runtime.converse(modelId=PROFILE, messages=messages, inferenceConfig={"maxTokens": 300})
    holds(conversed["output"]["message"]["content"][0]["text"] and conversed["usage"]["totalTokens"] > 0, str(conversed))
    counted = runtime.count_tokens(modelId=MODEL, input={"invokeModel": {"body": body}})
    equal(counted["inputTokens"], out["usage"]["input_tokens"], "the count")


@check("models, profiles and quotas")
def _():
    holds(MODEL in [m["modelId"] for m in bedrock.list_foundation_models()["modelSummaries"]], "the model is not listed")
    equal(bedrock.get_foundation_model(modelIdentifier=MODEL)["modelDetails"]["providerName"], "Anthropic", "the provider")
    equal(bedrock.get_foundation_model_availability(modelId=MODEL)["regionAvailability"], "AVAILABLE", "the availability")
    pages = bedrock.get_paginator("list_inference_profiles").paginate(typeEquals="SYSTEM_DEFINED")
    holds(PROFILE in [p["inferenceProfileId"] for page in pages for p in page["inferenceProfileSummaries"]], "the profile is not listed")
    holds(len(bedrock.get_inference_profile(inferenceProfileIdentifier=PROFILE)["models"]) > 1, "the profile has no Regions")
    pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="bedrock")
    by_name = {q["QuotaName"]: q for page in pages for q in page["Quotas"]}
    one = by_name["Minimum number of records per batch inference job for Claude Haiku 4.5"]
    equal(quotas.get_service_quota(ServiceCode="bedrock", QuotaCode=one["QuotaCode"])["Quota"]["Value"], 100.0, "the minimum")


def send(method, url, body=None, headers=None):
    """Send one request with these headers alone: urllib would add a Content-Type, which the old signature covers."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc)
    try:
        connection.request(method, urllib.parse.urlunsplit(("", "", parts.path, parts.query, "")), body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@check("presigned URLs, as boto3 makes them by default and with SigV4")
def _():
    for label, client in (("default", s3), ("SigV4", boto3.client("s3", config=Config(signature_version="s3v4")))):
        parameters = {"Bucket": BUCKET, "Key": f"signed/{label} ü+.txt"}
        put = client.generate_presigned_url("put_object", Params=parameters)
        equal(send("PUT", put, label.encode())[0], 200, f"the status of the {label} PUT")
        get = client.generate_presigned_url("get_object", Params=parameters)
        equal(send("GET", get), (200, label.encode()), f"what the {label} URL gives")
        equal(send("GET", get.replace("signed/", "signed//"))[0], 403, "the status for another key")
        typed = client.generate_presigned_url("put_object", Params={**parameters, "ContentType": "text/plain"})
        equal(send("PUT", typed, b"x", {"Content-Type": "text/plain"})[0], 200, f"the status of the {label} PUT with a type")
        equal(send("PUT", typed, b"x", {"Content-Type": "text/html"})[0], 403, f"the status of the {label} PUT with another type")


@check("what setting up asks of S3")
def _():
    equal(s3.get_bucket_location(Bucket=BUCKET)["LocationConstraint"], region, "the location")
    equal(s3.head_bucket(Bucket=BUCKET)["BucketRegion"], region, "the header")
    block = {k: True for k in ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")}
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=block)
    equal(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"], block, "the public access block")
    refused("NoSuchBucketPolicy", 404, s3.get_bucket_policy, Bucket=BUCKET)
    policy = document({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{BUCKET}/*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)
    equal(json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"]), json.loads(policy), "the policy")
    equal(s3.get_bucket_policy_status(Bucket=BUCKET)["PolicyStatus"]["IsPublic"], False, "the policy's status")
    refused("NoSuchLifecycleConfiguration", 404, s3.get_bucket_lifecycle_configuration, Bucket=BUCKET)
    rules = [{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "quarry/"}, "Expiration": {"Days": 30}}]
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": rules})
    equal(s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"], rules, "the rules")
    rule = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"][0]
    equal(rule["ApplyServerSideEncryptionByDefault"], {"SSEAlgorithm": "AES256"}, "the encryption")
    equal(s3.get_bucket_versioning(Bucket=BUCKET).get("Status"), None, "the versioning")
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [{"Key": "team", "Value": "search"}]})
    equal(s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"], [{"Key": "team", "Value": "search"}], "the tags")


@check("refusals have the right names")
def _():
    message = refused("ValidationException", 400, create, name="my_bad_name").response["Error"]["Message"]
    holds(message.startswith("1 validation error detected: Value 'my_bad_name' at 'jobName' failed to satisfy constraint"), message)
    try:
        bedrock.get_model_invocation_job(jobIdentifier="abcdefghijkl")
        raise AssertionError("a job that is not there was found")
    except bedrock.exceptions.ResourceNotFoundException:
        pass
    iam.create_role(RoleName="compat-boto3-powerless", AssumeRolePolicyDocument=TRUST)
    job = ended(create("compat-powerless", roleArn=f"arn:aws:iam::{account}:role/compat-boto3-powerless"))
    equal((job["status"], job["message"]), (
        "Failed", f"Could not validate GetObject permissions to access Amazon S3 bucket: {BUCKET} at key in/records.jsonl."), "the job of a powerless role")
    wrong = boto3.Session(aws_secret_access_key="wrong", aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"])
    refused("InvalidSignatureException", 403, wrong.client("bedrock").list_model_invocation_jobs)
    refused("SignatureDoesNotMatch", 403, wrong.client("s3").list_buckets)
    refused("SignatureDoesNotMatch", 403, wrong.client("sts").get_caller_identity)
    refused("IllegalLocationConstraintException", 400, s3.create_bucket, Bucket="compat-boto3-nowhere")
    refused("NoSuchEntity", 404, iam.get_role, RoleName="compat-boto3-nobody")


@check("a role is assumed")
def _():
    iam.create_role(RoleName="compat-boto3-reader", AssumeRolePolicyDocument=document(
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}))
    iam.attach_role_policy(RoleName="compat-boto3-reader", PolicyArn="arn:aws:iam::aws:policy/AmazonBedrockReadOnly")
    keys = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/compat-boto3-reader", RoleSessionName="compat")["Credentials"]
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    equal(session.client("sts").get_caller_identity()["Arn"], f"arn:aws:sts::{account}:assumed-role/compat-boto3-reader/compat", "the session")
    session.client("bedrock").list_model_invocation_jobs()
    refused("AccessDeniedException", 403, session.client("bedrock-runtime").converse, modelId=PROFILE, messages=[{"role": "user", "content": [{"text": "x"}]}])


@check("invoke_model_with_response_stream and converse_stream give the whole answer")
def _():
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 200, "messages": [{"role": "user", "content": "Article:\nThe first sentence is about stone. The second one is about quarries."}]}
    events = runtime.invoke_model_with_response_stream(modelId=PROFILE, body=json.dumps(body))["body"]
    chunks = [json.loads(event["chunk"]["bytes"]) for event in events]
    equal([chunks[0]["type"], chunks[-1]["type"]], ["message_start", "message_stop"], "the first and last chunk")
    text = "".join(chunk["delta"].get("text", "") for chunk in chunks if chunk["type"] == "content_block_delta")
    holds("stone" in text, f"the stream says {text}")
    messages = [{"role": "user", "content": [{"text": "Article:\nThe first sentence is about stone. The second one is about quarries."}]}]
    events = list(runtime.converse_stream(modelId=PROFILE, messages=messages)["stream"])
    text = "".join(event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event)
    holds("stone" in text and events[-1]["metadata"]["usage"]["outputTokens"] > 0, f"the stream is {events}")


sys.exit(failed)
