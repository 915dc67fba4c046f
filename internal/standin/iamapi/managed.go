package iamapi

import (
	"net/http"
	"strings"
)

const managedPrefix = "arn:aws:iam::aws:policy/"

// managedPolicy returns the document of one of AWS's managed policies. Of each only the statements are kept that speak
// of services the stand-in has: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
func managedPolicy(arn string) (document, error) {
	name := managedName(arn)
	text := ""
	if arn == managedPrefix+name {
		text = managedText(name)
	}
	if text == "" {
		return document{}, refuse(http.StatusNotFound, "NoSuchEntity", "Policy %s does not exist or is not attachable.", arn)
	}
	return document{name: name, kind: "IAM Policy", text: text}, nil
}

func managedName(arn string) string { return strings.TrimPrefix(arn, managedPrefix) }

func managedText(name string) string {
	switch name {
	case "AdministratorAccess":
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	case "PowerUserAccess":
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],"Resource":"*"},
			{"Effect":"Allow","Action":["iam:CreateServiceLinkedRole","iam:DeleteServiceLinkedRole","iam:ListRoles"],"Resource":"*"}]}`
	case "AmazonS3FullAccess":
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","s3-object-lambda:*"],"Resource":"*"}]}`
	case "AmazonS3ReadOnlyAccess":
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*","s3:Describe*","s3-object-lambda:Get*","s3-object-lambda:List*"],"Resource":"*"}]}`
	case "AmazonBedrockFullAccess":
		return `{"Version":"2012-10-17","Statement":[{"Sid":"BedrockAll","Effect":"Allow","Action":["bedrock:*"],"Resource":"*"},
			{"Sid":"APIsWithAllResourceAccess","Effect":"Allow","Action":["iam:ListRoles"],"Resource":"*"},
			{"Sid":"PassRoleToBedrock","Effect":"Allow","Action":["iam:PassRole"],"Resource":"arn:aws:iam::*:role/*AmazonBedrock*",
			"Condition":{"StringEquals":{"iam:PassedToService":["bedrock.amazonaws.com"]}}}]}`
	case "AmazonBedrockReadOnly":
		return `{"Version":"2012-10-17","Statement":[{"Sid":"AmazonBedrockReadOnly","Effect":"Allow","Action":["bedrock:Get*","bedrock:List*"],"Resource":"*"}]}`
	default:
		return ""
	}
}
