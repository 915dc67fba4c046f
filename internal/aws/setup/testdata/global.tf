# Bucket, service role and caller's policy for Quarry.
# A remark.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

provider "aws" {
  region              = "us-east-1"
  allowed_account_ids = ["123456789012"]
}

resource "aws_s3_bucket" "quarry" {
  bucket = "quarry-123456789012-us-east-1"
}

resource "aws_s3_bucket_public_access_block" "quarry" {
  bucket                  = aws_s3_bucket.quarry.id
  block_public_acls       = true
  ignore_public_acls      = true
  block_public_policy     = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "quarry" {
  bucket = aws_s3_bucket.quarry.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "QuarryTLSOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:*"]
        Resource = [
          "arn:aws:s3:::quarry-123456789012-us-east-1",
          "arn:aws:s3:::quarry-123456789012-us-east-1/*"
        ]
        Condition = {
          Bool = {
            "aws:SecureTransport" = "false"
          }
        }
      }
    ]
  })
}

resource "aws_s3_bucket_lifecycle_configuration" "quarry" {
  bucket = aws_s3_bucket.quarry.id

  rule {
    id     = "quarry-expire"
    status = "Enabled"

    filter {
      prefix = "quarry/"
    }

    expiration {
      days = 7
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  rule {
    id     = "quarry-state-uploads"
    status = "Enabled"

    filter {
      prefix = "quarry-state/"
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

resource "aws_iam_role" "quarry" {
  name        = "quarry-batch"
  path        = "/"
  description = "Lets Amazon Bedrock run Quarry's batch inference jobs"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "QuarryUsEast1"
        Effect = "Allow"
        Principal = {
          Service = "bedrock.amazonaws.com"
        }
        Action = ["sts:AssumeRole"]
        Condition = {
          StringEquals = {
            "aws:SourceAccount" = "123456789012"
          }
          ArnEquals = {
            "aws:SourceArn" = "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/*"
          }
        }
      }
    ]
  })
}

resource "aws_iam_role_policy" "quarry" {
  name = "quarry-batch-us-east-1"
  role = aws_iam_role.quarry.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Bucket"
        Effect = "Allow"
        Action = [
          "s3:GetObject",
          "s3:PutObject",
          "s3:ListBucket"
        ]
        Resource = [
          "arn:aws:s3:::quarry-123456789012-us-east-1",
          "arn:aws:s3:::quarry-123456789012-us-east-1/*"
        ]
        Condition = {
          StringEquals = {
            "aws:ResourceAccount" = "123456789012"
          }
        }
      },
      {
        Sid    = "ModelGlobalAnthropicClaudeHaiku4520251001V10"
        Effect = "Allow"
        Action = ["bedrock:InvokeModel"]
        Resource = [
          "arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.anthropic.claude-haiku-4-5-20251001-v1:0",
          "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
          "arn:aws:bedrock:::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0"
        ]
      }
    ]
  })
}

# Attach this to the users and roles that run quarry.
resource "aws_iam_policy" "caller" {
  name = "quarry-caller"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Submit"
        Effect = "Allow"
        Action = ["bedrock:CreateModelInvocationJob"]
        Resource = [
          "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/*",
          "arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.anthropic.claude-haiku-4-5-20251001-v1:0",
          "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
          "arn:aws:bedrock:::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0"
        ]
      },
      {
        Sid    = "Jobs"
        Effect = "Allow"
        Action = [
          "bedrock:GetModelInvocationJob",
          "bedrock:StopModelInvocationJob",
          "bedrock:TagResource",
          "bedrock:ListTagsForResource"
        ]
        Resource = ["arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/*"]
      },
      {
        Sid    = "Invoke"
        Effect = "Allow"
        Action = ["bedrock:InvokeModel"]
        Resource = [
          "arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.anthropic.claude-haiku-4-5-20251001-v1:0",
          "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
          "arn:aws:bedrock:::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0"
        ]
      },
      {
        Sid    = "Models"
        Effect = "Allow"
        Action = [
          "bedrock:GetFoundationModel",
          "bedrock:CountTokens"
        ]
        Resource = [
          "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
          "arn:aws:bedrock:::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0"
        ]
      },
      {
        Sid      = "Profiles"
        Effect   = "Allow"
        Action   = ["bedrock:GetInferenceProfile"]
        Resource = ["arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.anthropic.claude-haiku-4-5-20251001-v1:0"]
      },
      {
        Sid      = "PassRole"
        Effect   = "Allow"
        Action   = ["iam:PassRole"]
        Resource = ["arn:aws:iam::123456789012:role/quarry-batch"]
        Condition = {
          StringEquals = {
            "iam:PassedToService" = "bedrock.amazonaws.com"
          }
        }
      },
      {
        Sid    = "Bucket"
        Effect = "Allow"
        Action = [
          "s3:ListBucket",
          "s3:GetBucketLocation",
          "s3:GetBucketPolicy",
          "s3:GetEncryptionConfiguration",
          "s3:GetBucketPublicAccessBlock",
          "s3:GetLifecycleConfiguration"
        ]
        Resource = ["arn:aws:s3:::quarry-123456789012-us-east-1"]
      },
      {
        Sid    = "Objects"
        Effect = "Allow"
        Action = [
          "s3:GetObject",
          "s3:PutObject",
          "s3:DeleteObject",
          "s3:AbortMultipartUpload",
          "s3:ListMultipartUploadParts"
        ]
        Resource = [
          "arn:aws:s3:::quarry-123456789012-us-east-1/quarry/*",
          "arn:aws:s3:::quarry-123456789012-us-east-1/quarry-state/*"
        ]
      },
      {
        Sid    = "Role"
        Effect = "Allow"
        Action = [
          "iam:GetRole",
          "iam:ListRolePolicies",
          "iam:GetRolePolicy"
        ]
        Resource = ["arn:aws:iam::123456789012:role/quarry-batch"]
      },
      {
        Sid    = "Simulate"
        Effect = "Allow"
        Action = ["iam:SimulatePrincipalPolicy"]
        Resource = [
          "arn:aws:iam::123456789012:role/quarry-batch",
          "arn:aws:iam::123456789012:user/$${aws:username}"
        ]
      },
      {
        Sid    = "ListOnly"
        Effect = "Allow"
        Action = [
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
        ]
        Resource = ["*"]
      }
    ]
  })
}

output "role_arn" {
  value = aws_iam_role.quarry.arn
}

output "caller_policy_arn" {
  value = aws_iam_policy.caller.arn
}
