package run

import (
	"context"
	"strings"

	"quarry"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/effect"
	"quarry/internal/outcome/collect"
	"quarry/internal/run/life"
)

// FetchOutput downloads what a job left below the prefix that it was given, into dir.
func FetchOutput(ctx context.Context, e *effect.Effects, b *bucket.Bucket, prefix string, arn quarry.JobARN, dir string) error {
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	_, err := collect.Download(ctx, e, life.Output(b), prefix+arn.ID()+"/", dir)
	return err
}
