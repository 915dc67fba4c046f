package setup

import (
	"encoding/json"
	"fmt"
	"strings"
)

// terraform is setup in HashiCorp's configuration language, laid out as `terraform fmt` does.
func terraform(w Wants, remark string) string {
	d := policies(w)
	name, path := w.roleName()
	var b strings.Builder
	b.WriteString(comment("Bucket, service role and caller's policy for Quarry.", remark))
	fmt.Fprintf(&b, `terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

provider "aws" {
  region              = %q
  allowed_account_ids = [%q]
}

resource "aws_s3_bucket" "quarry" {
  bucket = %q
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
  policy = jsonencode(%s)
}

resource "aws_s3_bucket_lifecycle_configuration" "quarry" {
  bucket = aws_s3_bucket.quarry.id
%s}
`, w.Account.Region, w.Account.ID, w.Bucket, hcl(d.Bucket, "  "), terraformRules(w))
	if w.KMSKey != "" {
		fmt.Fprintf(&b, `
resource "aws_s3_bucket_server_side_encryption_configuration" "quarry" {
  bucket = aws_s3_bucket.quarry.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = %q
    }
  }
}
`, w.KMSKey)
	}
	fmt.Fprintf(&b, `
resource "aws_iam_role" "quarry" {
  name        = %q
  path        = %q
  description = "Lets Amazon Bedrock run Quarry's batch inference jobs"
  assume_role_policy = jsonencode(%s)
}

resource "aws_iam_role_policy" "quarry" {
  name = %q
  role = aws_iam_role.quarry.id
  policy = jsonencode(%s)
}

# Attach this to the users and roles that run quarry.
resource "aws_iam_policy" "caller" {
  name = %q
  policy = jsonencode(%s)
}

output "role_arn" {
  value = aws_iam_role.quarry.arn
}

output "caller_policy_arn" {
  value = aws_iam_policy.caller.arn
}
`, name, path, hcl(d.Trust, "  "), RolePolicyName(w.Account.Region), hcl(d.Role, "  "), CallerPolicyName, hcl(d.Caller, "  "))
	return b.String()
}

func terraformRules(w Wants) string {
	var b strings.Builder
	for _, e := range w.rules() {
		fmt.Fprintf(&b, `
  rule {
    id     = %q
    status = "Enabled"

    filter {
      prefix = %q
    }
%s
    abort_incomplete_multipart_upload {
      days_after_initiation = %d
    }
  }
`, e.ID, e.Prefix, terraformExpiry(e), e.AbortDays)
	}
	return b.String()
}

func terraformExpiry(e Expiry) string {
	if e.Days == 0 {
		return ""
	}
	return fmt.Sprintf(`
    expiration {
      days = %d
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }
`, e.Days)
}

// hcl writes a value as an expression.
func hcl(v any, indent string) string {
	deeper := indent + "  "
	switch v := v.(type) {
	case object:
		var b strings.Builder
		b.WriteString("{\n")
		for i, m := range v {
			value := hcl(m.Value, deeper)
			pad := alignment(v, i)
			fmt.Fprintf(&b, "%s%-*s = %s\n", deeper, pad, hclKey(m.Key), value)
		}
		return b.String() + indent + "}"
	case []object:
		return hclList(v, indent)
	case []string:
		return hclList(v, indent)
	case string:
		return hclString(v)
	}
	return fmt.Sprint(v)
}

func hclList[T any](list []T, indent string) string {
	if len(list) == 1 {
		if _, single := any(list[0]).(string); single {
			return "[" + hcl(list[0], indent) + "]"
		}
	}
	var b strings.Builder
	b.WriteString("[\n")
	for i, one := range list {
		comma := ","
		if i == len(list)-1 {
			comma = ""
		}
		b.WriteString(indent + "  " + hcl(one, indent+"  ") + comma + "\n")
	}
	return b.String() + indent + "]"
}

// alignment is how wide the formatter makes the key: members that are on lines next to one another are aligned, and one
// whose value takes several lines is alone.
func alignment(o object, at int) int {
	lines := func(i int) bool { return strings.Contains(hcl(o[i].Value, ""), "\n") }
	if lines(at) {
		return len(hclKey(o[at].Key))
	}
	from, to := at, at
	for from > 0 && !lines(from-1) {
		from--
	}
	for to+1 < len(o) && !lines(to+1) {
		to++
	}
	width := 0
	for _, m := range o[from : to+1] {
		width = max(width, len(hclKey(m.Key)))
	}
	return width
}

func hclKey(key string) string {
	for _, r := range key {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return hclString(key)
		}
	}
	return key
}

// hclString quotes a text; $ and % before a brace would begin a template.
func hclString(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(string(text))
}
