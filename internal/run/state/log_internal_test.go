package state

import (
	"testing"

	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
)

func TestACopyIsKeptWhereAChangeCouldNotBeReplayed(t *testing.T) {
	change := effect.Statement{Text: "UPDATE shard SET state = ?", Args: []any{"done"}}
	for name, c := range map[string]struct {
		done  []ledger.Transaction
		whole bool
	}{
		"changes of rows":                  {[]ledger.Transaction{{change}, {change, change}}, true},
		"one whose end is not known":       {[]ledger.Transaction{{change}, {}}, false},
		"a statement that Replay refuses":  {[]ledger.Transaction{{change, {Text: "CREATE TABLE other (id TEXT)"}}}, false},
		"several statements in one string": {[]ledger.Transaction{{{Text: "UPDATE shard SET due = 0; DELETE FROM shard"}}}, false},
	} {
		if _, whole, err := encode(c.done); err != nil || whole != c.whole {
			t.Errorf("%s: whole %v, error %v", name, whole, err)
		}
	}
}
