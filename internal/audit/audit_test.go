package audit_test

import (
	"testing"
)

func TestAnUntouchedRunIsClean(t *testing.T) {
	t.Parallel()
	b := setup(t)
	code, r := b.audit()
	if code != 0 || !r.Clean() || !r.Ended || !r.Checked.SourcesRead {
		t.Fatalf("audit gave code %d and %+v", code, r)
	}
	t.Logf("%+v\n%s", r, base.log)
}
