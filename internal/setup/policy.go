// Package setup makes what a first job needs in an account: the service role, with the least rights that work, and the
// policies that say so.
//
// It owns the text of the policies and the calls to IAM that bring a role into that state. Buckets come in as functions.
// What always holds: it can be repeated; a right is added to what stands there, by a policy of our own name, and nobody
// else's policy is touched.
package setup

import (
	"encoding/json"
	"fmt"

	"quarry/internal/catalog"
)

// Account is where the rights are for.
type Account struct {
	ID, Partition, Region string
}

// Wants is what the role has to be able to do.
type Wants struct {
	Account Account
	Bucket  string
	Model   string // model or inference profile, id or ARN
	KMSKey  string // ARN, or empty
}

// document is a policy in IAM's JSON.
type document struct {
	Version   string      `json:"Version"`
	Statement []statement `json:"Statement"`
}

type statement struct {
	Sid       string                       `json:"Sid,omitempty"`
	Effect    string                       `json:"Effect"`
	Principal map[string]string            `json:"Principal,omitempty"`
	Action    []string                     `json:"Action"`
	Resource  []string                     `json:"Resource,omitempty"`
	Condition map[string]map[string]string `json:"Condition,omitempty"`
}

func (d document) text() string {
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return "" // strings and maps of strings always marshal
	}
	return string(b)
}

// Trust lets Bedrock take the role on for jobs of this account alone: without the conditions any account's job could
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html).
func Trust(a Account) string {
	return document{Version: "2012-10-17", Statement: []statement{{
		Effect: "Allow", Principal: map[string]string{"Service": "bedrock.amazonaws.com"}, Action: []string{"sts:AssumeRole"},
		Condition: map[string]map[string]string{
			"StringEquals": {"aws:SourceAccount": a.ID},
			"ArnEquals":    {"aws:SourceArn": fmt.Sprintf("arn:%s:bedrock:%s:%s:model-invocation-job/*", a.Partition, a.Region, a.ID)},
		},
	}}}.text()
}

// Role is what the service role may do: read and write the bucket, and call the model through its profile in every
// Region the profile leads to (same page).
func Role(w Wants) string {
	a := w.Account
	bucket := fmt.Sprintf("arn:%s:s3:::%s", a.Partition, w.Bucket)
	d := document{Version: "2012-10-17", Statement: []statement{
		{
			Sid: "Bucket", Effect: "Allow", Action: []string{"s3:GetObject", "s3:PutObject", "s3:ListBucket"}, Resource: []string{bucket, bucket + "/*"},
			Condition: map[string]map[string]string{"StringEquals": {"aws:ResourceAccount": a.ID}},
		},
		{Sid: "Model", Effect: "Allow", Action: []string{"bedrock:InvokeModel"}, Resource: modelResources(w)},
	}}
	if w.KMSKey != "" {
		d.Statement = append(d.Statement, statement{
			Sid: "Key", Effect: "Allow", Action: []string{"kms:Decrypt", "kms:GenerateDataKey"}, Resource: []string{w.KMSKey},
			Condition: map[string]map[string]string{"StringEquals": {"kms:ViaService": "s3." + a.Region + ".amazonaws.com"}},
		})
	}
	return d.text()
}

// modelResources are the ARNs that a call of the model touches. A profile needs itself and the model in each Region it
// leads to; a global one besides the model without Region and account
// (https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html).
func modelResources(w Wants) []string {
	a := w.Account
	m, profile, ok := catalog.Find(w.Model)
	if !ok {
		if len(w.Model) > 4 && w.Model[:4] == "arn:" {
			return []string{w.Model, fmt.Sprintf("arn:%s:bedrock:*::foundation-model/*", a.Partition)}
		}
		id, prefix, _ := catalog.Split(w.Model)
		return append(profileARN(w, prefix), fmt.Sprintf("arn:%s:bedrock:*::foundation-model/%s", a.Partition, id))
	}
	foundation := func(region string) string {
		return fmt.Sprintf("arn:%s:bedrock:%s::foundation-model/%s", a.Partition, region, m.ID)
	}
	if profile == "" {
		return []string{foundation(a.Region)}
	}
	out := profileARN(w, profile)
	if profile == "global" {
		return append(out, foundation(a.Region), foundation(""))
	}
	regions, known := m.Destinations(profile, a.Region)
	if !known {
		return append(out, foundation("*"))
	}
	for _, region := range regions {
		out = append(out, foundation(region))
	}
	return out
}

func profileARN(w Wants, profile string) []string {
	if profile == "" {
		return nil
	}
	if len(w.Model) > 4 && w.Model[:4] == "arn:" {
		return []string{w.Model}
	}
	return []string{fmt.Sprintf("arn:%s:bedrock:%s:%s:inference-profile/%s", w.Account.Partition, w.Account.Region, w.Account.ID, w.Model)}
}
