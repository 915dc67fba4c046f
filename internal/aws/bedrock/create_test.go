package bedrock_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry"
	"quarry/internal/aws/bedrock"
)

func TestAJobIsMadeWithAllThatWasAsked(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/abcdefghijkl"
	for _, c := range []struct {
		name string
		more func(*bedrock.CreateRequest)
		want map[string]any
	}{
		{"nothing more", func(*bedrock.CreateRequest) {}, map[string]any{}},
		{"hours, a VPC and another account's bucket", func(r *bedrock.CreateRequest) {
			r.TimeoutHours, r.Subnets, r.SecurityGroups, r.BucketOwner = 48, []string{"subnet-1", "subnet-2"}, []string{"sg-1"}, "210987654321"
		}, map[string]any{
			"timeoutDurationInHours": 48.0, "owner": "210987654321",
			"vpcConfig": map[string]any{"subnetIds": []any{"subnet-1", "subnet-2"}, "securityGroupIds": []any{"sg-1"}},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			client, last := server(t, 200, "", `{"jobArn":"`+arn+`"}`)
			r := bedrock.CreateRequest{JobName: "j", Token: "t", ModelID: quarry.DefaultModel, RoleARN: "arn:aws:iam::123456789012:role/r", Type: quarry.InvokeModel, InputURI: "s3://b/in", OutputURI: "s3://b/out/"}
			c.more(&r)
			if got, err := client.Create(t.Context(), r); err != nil || got != arn {
				t.Fatalf("Create = %q, %v", got, err)
			}
			var sent map[string]any
			if err := json.Unmarshal([]byte(last.body), &sent); err != nil {
				t.Fatal(err)
			}
			got := map[string]any{}
			for _, name := range []string{"timeoutDurationInHours", "vpcConfig"} {
				if v, ok := sent[name]; ok {
					got[name] = v
				}
			}
			in := sent["inputDataConfig"].(map[string]any)["s3InputDataConfig"].(map[string]any)["s3BucketOwner"]
			out := sent["outputDataConfig"].(map[string]any)["s3OutputDataConfig"].(map[string]any)["s3BucketOwner"]
			if in != out {
				t.Errorf("owner of the input %v, of the output %v", in, out)
			}
			if in != nil {
				got["owner"] = in
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}
