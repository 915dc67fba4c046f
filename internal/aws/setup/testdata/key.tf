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
  region              = "us-west-2"
  allowed_account_ids = ["123456789012"]
}

resource "aws_s3_bucket" "quarry" {
  bucket = "quarry-123456789012-us-west-2"
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
          "arn:aws:s3:::quarry-123456789012-us-west-2",
          "arn:aws:s3:::quarry-123456789012-us-west-2/*"
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

resource "aws_s3_bucket_server_side_encryption_configuration" "quarry" {
  bucket = aws_s3_bucket.quarry.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = "arn:aws:kms:us-west-2:123456789012:key/11111111-2222-3333-4444-555555555555"
    }
  }
}

resource "aws_iam_role" "quarry" {
  name        = "quarry-batch"
  path        = "/team/"
  description = "Lets Amazon Bedrock run Quarry's batch inference jobs"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "QuarryUsWest2"
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
            "aws:SourceArn" = "arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/*"
          }
        }
      }
    ]
  })
}

resource "aws_iam_role_policy" "quarry" {
  name = "quarry-batch-us-west-2"
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
          "arn:aws:s3:::quarry-123456789012-us-west-2",
          "arn:aws:s3:::quarry-123456789012-us-west-2/*"
        ]
        Condition = {
          StringEquals = {
            "aws:ResourceAccount" = "123456789012"
          }
        }
      },
      {
        Sid    = "ModelUsAnthropicClaudeHaiku4520251001V10"
        Effect = "Allow"
        Action = ["bedrock:InvokeModel"]
        Resource = [
          "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
          "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
          "arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
          "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0"
        ]
      },
      {
        Sid    = "Key"
        Effect = "Allow"
        Action = [
          "kms:Decrypt",
          "kms:GenerateDataKey"
        ]
        Resource = ["arn:aws:kms:us-west-2:123456789012:key/11111111-2222-3333-4444-555555555555"]
        Condition = {
          StringEquals = {
            "kms:ViaService" = "s3.us-west-2.amazonaws.com"
          }
        }
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
          "arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/*",
          "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
          "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
          "arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
          "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0"
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
        Resource = ["arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/*"]
      },
      {
        Sid    = "Invoke"
        Effect = "Allow"
        Action = ["bedrock:InvokeModel"]
        Resource = [
          "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
          "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
          "arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
          "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0"
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
          "arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
          "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0"
        ]
      },
      {
        Sid      = "Profiles"
        Effect   = "Allow"
        Action   = ["bedrock:GetInferenceProfile"]
        Resource = ["arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0"]
      },
      {
        Sid      = "PassRole"
        Effect   = "Allow"
        Action   = ["iam:PassRole"]
        Resource = ["arn:aws:iam::123456789012:role/team/quarry-batch"]
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
        Resource = ["arn:aws:s3:::quarry-123456789012-us-west-2"]
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
          "arn:aws:s3:::quarry-123456789012-us-west-2/quarry/*",
          "arn:aws:s3:::quarry-123456789012-us-west-2/quarry-state/*"
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
        Resource = ["arn:aws:iam::123456789012:role/team/quarry-batch"]
      },
      {
        Sid    = "Simulate"
        Effect = "Allow"
        Action = ["iam:SimulatePrincipalPolicy"]
        Resource = [
          "arn:aws:iam::123456789012:role/team/quarry-batch",
          "arn:aws:iam::123456789012:user/$${aws:username}"
        ]
      },
      {
        Sid    = "Key"
        Effect = "Allow"
        Action = [
          "kms:Decrypt",
          "kms:GenerateDataKey"
        ]
        Resource = ["arn:aws:kms:us-west-2:123456789012:key/11111111-2222-3333-4444-555555555555"]
        Condition = {
          StringEquals = {
            "kms:ViaService" = "s3.us-west-2.amazonaws.com"
          }
        }
      },
      {
        Sid    = "KeyState"
        Effect = "Allow"
        Action = [
          "kms:DescribeKey",
          "kms:GetKeyPolicy"
        ]
        Resource = ["arn:aws:kms:us-west-2:123456789012:key/11111111-2222-3333-4444-555555555555"]
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
