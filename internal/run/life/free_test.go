package life

import (
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"

	"quarry"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/ledger"
	"quarry/internal/run/pool"
)

func TestUnsentShardsAreFreedForThePlacesOfTheCommand(t *testing.T) {
	t.Parallel()
	east := pool.Pool{Region: "us-east-1", Model: quarry.DefaultModel, Bucket: bucket.New(awssdk.Config{Region: "us-east-1"}, "east")}
	west := ledger.Pool{Region: "us-west-2", Model: quarry.DefaultModel, Bucket: "west"}
	for name, tt := range map[string]struct {
		state quarry.ShardState
		at    ledger.Pool
		moved bool
		freed bool
		want  quarry.ShardState
	}{
		"built for a place that is not named":    {quarry.ShardBuilt, west, false, true, quarry.ShardBuilt},
		"uploaded to a place that is not named":  {quarry.ShardUploaded, west, false, true, quarry.ShardBuilt},
		"uploaded to a place that is named":      {quarry.ShardUploaded, east.Ref(), true, false, quarry.ShardUploaded},
		"uploaded home, which is another now":    {quarry.ShardUploaded, ledger.Pool{}, true, true, quarry.ShardBuilt},
		"uploaded home, which is the same":       {quarry.ShardUploaded, ledger.Pool{}, false, false, quarry.ShardUploaded},
		"its job may exist":                      {quarry.ShardIntended, west, true, false, quarry.ShardIntended},
		"its job runs":                           {quarry.ShardSubmitted, west, true, false, quarry.ShardSubmitted},
		"planned, so no place was chosen for it": {quarry.ShardPlanned, ledger.Pool{}, true, false, quarry.ShardPlanned},
	} {
		s := ledger.Shard{ID: "s00001", Kind: quarry.MainShard, State: tt.state, Mode: quarry.ModeJob, Detail: ledger.Detail{Pass: 1, Records: 1, Pool: tt.at}}
		s.Waits, s.Due = "no slot", time.Now().Add(time.Hour)
		w := newWorld(t, s)
		rows, err := w.cfg.Ledger.Shards(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := FreeUnsent(t.Context(), w.cfg.Ledger, pool.New([]pool.Pool{east}, nil), rows, tt.moved); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := w.cfg.Ledger.Shard(t.Context(), s.ID)
		if err != nil {
			t.Fatal(err)
		}
		freed := got.Pool == (ledger.Pool{}) && got.Waits == "" && !got.Due.After(time.Now())
		if freed != tt.freed || got.State != tt.want {
			t.Errorf("%s: the shard is %s at %+v and waits for %q, want %s, freed %t", name, got.State, got.Pool, got.Waits, tt.want, tt.freed)
		}
	}
}
