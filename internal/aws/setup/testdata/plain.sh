#!/bin/sh
# Bucket, service role and caller's policy for Quarry. Safe to repeat.
# A remark.
set -eu
export AWS_DEFAULT_REGION=us-west-2 AWS_REGION=us-west-2 AWS_PAGER=''
bucket=quarry-123456789012-us-west-2
role=quarry-batch
account=123456789012

# The bucket, without public access.
aws s3api head-bucket --bucket "$bucket" --expected-bucket-owner "$account" >/dev/null 2>&1 ||
  aws s3api create-bucket --bucket "$bucket" --create-bucket-configuration "LocationConstraint=us-west-2" >/dev/null
aws s3api put-public-access-block --bucket "$bucket" --expected-bucket-owner "$account" --public-access-block-configuration \
  BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true

# A bucket has one policy and one list of lifecycle rules. If it has one already, add these by hand,
# or let `quarry setup` merge them.
if aws s3api get-bucket-policy --bucket "$bucket" --expected-bucket-owner "$account" >/dev/null 2>&1; then
  echo "bucket $bucket has a policy: left as it is" >&2
else
aws s3api put-bucket-policy --bucket "$bucket" --expected-bucket-owner "$account" --policy "$(cat <<'JSON'
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "QuarryTLSOnly",
      "Effect": "Deny",
      "Principal": "*",
      "Action": [
        "s3:*"
      ],
      "Resource": [
        "arn:aws:s3:::quarry-123456789012-us-west-2",
        "arn:aws:s3:::quarry-123456789012-us-west-2/*"
      ],
      "Condition": {
        "Bool": {
          "aws:SecureTransport": "false"
        }
      }
    }
  ]
}
JSON
)"
fi
if aws s3api get-bucket-lifecycle-configuration --bucket "$bucket" --expected-bucket-owner "$account" >/dev/null 2>&1; then
  echo "bucket $bucket has lifecycle rules: left as it is" >&2
else
aws s3api put-bucket-lifecycle-configuration --bucket "$bucket" --expected-bucket-owner "$account" --lifecycle-configuration "$(cat <<'JSON'
{
  "Rules": [
    {
      "ID": "quarry-expire",
      "Status": "Enabled",
      "Filter": {
        "Prefix": "quarry/"
      },
      "Expiration": {
        "Days": 30
      },
      "NoncurrentVersionExpiration": {
        "NoncurrentDays": 1
      },
      "AbortIncompleteMultipartUpload": {
        "DaysAfterInitiation": 7
      }
    },
    {
      "ID": "quarry-state-uploads",
      "Status": "Enabled",
      "Filter": {
        "Prefix": "quarry-state/"
      },
      "AbortIncompleteMultipartUpload": {
        "DaysAfterInitiation": 7
      }
    }
  ]
}
JSON
)"
fi

# The service role: who may assume it, and what a job may do.
if ! aws iam get-role --role-name "$role" >/dev/null 2>&1; then
aws iam create-role --role-name "$role" --description "Lets Amazon Bedrock run Quarry's batch inference jobs" --assume-role-policy-document "$(cat <<'JSON'
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "QuarryUsWest2",
      "Effect": "Allow",
      "Principal": {
        "Service": "bedrock.amazonaws.com"
      },
      "Action": [
        "sts:AssumeRole"
      ],
      "Condition": {
        "StringEquals": {
          "aws:SourceAccount": "123456789012"
        },
        "ArnEquals": {
          "aws:SourceArn": "arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/*"
        }
      }
    }
  ]
}
JSON
)" >/dev/null
else
  echo "role $role is there: its trust policy is left as it is" >&2
fi
aws iam put-role-policy --role-name "$role" --policy-name quarry-batch-us-west-2 --policy-document "$(cat <<'JSON'
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "Bucket",
      "Effect": "Allow",
      "Action": [
        "s3:GetObject",
        "s3:PutObject",
        "s3:ListBucket"
      ],
      "Resource": [
        "arn:aws:s3:::quarry-123456789012-us-west-2",
        "arn:aws:s3:::quarry-123456789012-us-west-2/*"
      ],
      "Condition": {
        "StringEquals": {
          "aws:ResourceAccount": "123456789012"
        }
      }
    },
    {
      "Sid": "ModelUsAnthropicClaudeHaiku4520251001V10",
      "Effect": "Allow",
      "Action": [
        "bedrock:InvokeModel"
      ],
      "Resource": [
        "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
        "arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
        "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0"
      ]
    }
  ]
}
JSON
)"

# The caller's policy; attach it to the users and roles that run quarry:
# aws iam attach-user-policy --user-name NAME --policy-arn arn:aws:iam::123456789012:policy/quarry-caller
if ! aws iam get-policy --policy-arn arn:aws:iam::123456789012:policy/quarry-caller >/dev/null 2>&1; then
aws iam create-policy --policy-name quarry-caller --policy-document "$(cat <<'JSON'
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "Submit",
      "Effect": "Allow",
      "Action": [
        "bedrock:CreateModelInvocationJob"
      ],
      "Resource": [
        "arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/*",
        "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
        "arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
        "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0"
      ]
    },
    {
      "Sid": "Jobs",
      "Effect": "Allow",
      "Action": [
        "bedrock:GetModelInvocationJob",
        "bedrock:StopModelInvocationJob",
        "bedrock:TagResource",
        "bedrock:ListTagsForResource"
      ],
      "Resource": [
        "arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/*"
      ]
    },
    {
      "Sid": "Invoke",
      "Effect": "Allow",
      "Action": [
        "bedrock:InvokeModel"
      ],
      "Resource": [
        "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
        "arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
        "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0"
      ]
    },
    {
      "Sid": "Models",
      "Effect": "Allow",
      "Action": [
        "bedrock:GetFoundationModel",
        "bedrock:CountTokens"
      ],
      "Resource": [
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
        "arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
        "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0"
      ]
    },
    {
      "Sid": "Profiles",
      "Effect": "Allow",
      "Action": [
        "bedrock:GetInferenceProfile"
      ],
      "Resource": [
        "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0"
      ]
    },
    {
      "Sid": "PassRole",
      "Effect": "Allow",
      "Action": [
        "iam:PassRole"
      ],
      "Resource": [
        "arn:aws:iam::123456789012:role/quarry-batch"
      ],
      "Condition": {
        "StringEquals": {
          "iam:PassedToService": "bedrock.amazonaws.com"
        }
      }
    },
    {
      "Sid": "Bucket",
      "Effect": "Allow",
      "Action": [
        "s3:ListBucket",
        "s3:GetBucketLocation",
        "s3:GetBucketPolicy",
        "s3:GetEncryptionConfiguration",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetLifecycleConfiguration"
      ],
      "Resource": [
        "arn:aws:s3:::quarry-123456789012-us-west-2"
      ]
    },
    {
      "Sid": "Objects",
      "Effect": "Allow",
      "Action": [
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject",
        "s3:AbortMultipartUpload",
        "s3:ListMultipartUploadParts"
      ],
      "Resource": [
        "arn:aws:s3:::quarry-123456789012-us-west-2/quarry/*",
        "arn:aws:s3:::quarry-123456789012-us-west-2/quarry-state/*"
      ]
    },
    {
      "Sid": "Role",
      "Effect": "Allow",
      "Action": [
        "iam:GetRole",
        "iam:ListRolePolicies",
        "iam:GetRolePolicy"
      ],
      "Resource": [
        "arn:aws:iam::123456789012:role/quarry-batch"
      ]
    },
    {
      "Sid": "Simulate",
      "Effect": "Allow",
      "Action": [
        "iam:SimulatePrincipalPolicy"
      ],
      "Resource": [
        "arn:aws:iam::123456789012:role/quarry-batch",
        "arn:aws:iam::123456789012:user/${aws:username}"
      ]
    },
    {
      "Sid": "ListOnly",
      "Effect": "Allow",
      "Action": [
        "bedrock:ListModelInvocationJobs",
        "bedrock:ListFoundationModels",
        "bedrock:ListInferenceProfiles",
        "bedrock:GetFoundationModelAvailability",
        "bedrock:GetUseCaseForModelAccess",
        "servicequotas:ListServiceQuotas",
        "servicequotas:ListAWSDefaultServiceQuotas",
        "pricing:GetProducts",
        "pricing:ListPriceLists",
        "pricing:GetPriceListFileUrl"
      ],
      "Resource": [
        "*"
      ]
    }
  ]
}
JSON
)" >/dev/null
else
  echo "policy quarry-caller is there and is left as it is" >&2
fi
