package pool_test

import (
	"errors"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"

	"quarry"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/ledger"
	"quarry/internal/run/pool"
)

func at(ref ledger.Pool, q quarry.Quotas) pool.Pool {
	return pool.Pool{Region: ref.Region, Model: ref.Model, Quotas: q, Bucket: bucket.New(awssdk.Config{Region: ref.Region}, ref.Bucket)}
}

func TestAShardFitsIntoEveryPool(t *testing.T) {
	t.Parallel()
	a := quarry.Quotas{MinRecords: 100, RecordsPerFile: 1000, FileBytes: 500, OpenJobs: 20, RPM: 7, Source: "a"}
	b := quarry.Quotas{MinRecords: 50, RecordsPerFile: 2000, RecordsPerJob: 3000, FileBytes: 400, OpenJobs: 5, RPM: 9, Source: "b"}
	want := quarry.Quotas{MinRecords: 100, RecordsPerFile: 1000, RecordsPerJob: 3000, FileBytes: 400, OpenJobs: 25, RPM: 7, Source: "a; b"}
	if got := pool.New([]pool.Pool{at(west, a), at(east, b)}, nil).Quotas(); got != want {
		t.Errorf("Quotas = %+v, want %+v", got, want)
	}
	b.OpenJobs = 0
	if got := pool.New([]pool.Pool{at(west, a), at(east, b)}, nil).Quotas().OpenJobs; got != 0 {
		t.Errorf("%d open jobs where one pool has no limit, want none", got)
	}
}

func TestAJobIsFollowedWhereItWasSent(t *testing.T) {
	t.Parallel()
	opened := 0
	pools := pool.New([]pool.Pool{at(west, quarry.Quotas{}), at(global, quarry.Quotas{})}, func(ref ledger.Pool) pool.Pool {
		opened++
		return at(ref, quarry.Quotas{})
	})
	for _, ref := range []ledger.Pool{{}, west, global, east, east} {
		want := ref
		if ref == (ledger.Pool{}) {
			want = west
		}
		s := row("x", quarry.ShardSubmitted, ref)
		if got, err := pools.Of(&s); err != nil || got.Ref() != want {
			t.Errorf("Of(%+v) = %+v, %v", ref, got, err)
		}
		if named := pools.Named(&s); (named == nil) != (ref == east) {
			t.Errorf("Named(%+v) = %+v", ref, named)
		}
	}
	if opened != 1 {
		t.Errorf("the pool of an earlier command was opened %d times, want once", opened)
	}
}

func TestAPoolThatCannotBeReachedIsNamed(t *testing.T) {
	t.Parallel()
	one, two := []pool.Pool{at(west, quarry.Quotas{})}, []pool.Pool{at(west, quarry.Quotas{}), at(east, quarry.Quotas{})}
	for name, tt := range map[string]struct {
		pools []pool.Pool
		was   ledger.Pool
		want  string
	}{
		"another Region":            {one, ledger.Pool{Region: "eu-west-1", Model: quarry.DefaultModel, Bucket: "west"}, "use --region eu-west-1;"},
		"another Region and bucket": {one, east, "use --region us-east-1, in addition to the ones named now;"},
		"another bucket":            {one, ledger.Pool{Region: "us-west-2", Model: quarry.DefaultModel, Bucket: "other"}, "use --bucket other;"},
		"another model":             {one, ledger.Pool{Region: "us-west-2", Model: "other", Bucket: "west"}, "use --model other;"},
		"one of several":            {two, ledger.Pool{Region: "us-east-1", Model: quarry.DefaultModel, Bucket: "other"}, "use --bucket other, in addition to the ones named now;"},
	} {
		s := row("x", quarry.ShardSubmitted, tt.was)
		_, err := pool.New(tt.pools, nil).Of(&s)
		var q *quarry.Error
		if !errors.As(err, &q) || q.Kind != quarry.BadUsage || !strings.HasPrefix(q.Hint, tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestThePlacesThatACommandLeavesAreCounted(t *testing.T) {
	t.Parallel()
	pools := pool.New([]pool.Pool{at(west, quarry.Quotas{})}, func(ref ledger.Pool) pool.Pool { return at(ref, quarry.Quotas{}) })
	calls := row("c", quarry.ShardSubmitted, east)
	calls.Mode = quarry.ModeOnDemand
	rows := []ledger.Shard{
		row("a", quarry.ShardSubmitted, east), row("b", quarry.ShardUploaded, east), row("d", quarry.ShardEnded, east),
		row("e", quarry.ShardSubmitted, west), row("f", quarry.ShardDone, east), row("g", quarry.ShardPlanned, east), calls,
	}
	left, err := pools.Left(rows)
	if err != nil || len(left) != 1 || left["us-east-1, bucket east"] != 3 {
		t.Errorf("Left = %v, %v, want 3 in us-east-1", left, err)
	}
	if left, err := pool.New([]pool.Pool{at(west, quarry.Quotas{})}, nil).Left(rows); err == nil {
		t.Errorf("Left = %v, want a refusal: the other Region cannot be reached", left)
	}
}
