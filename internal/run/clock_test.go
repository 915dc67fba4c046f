package run_test

import (
	"sync"
	"testing"
	"testing/synctest"
)

var standinClock sync.Once

// onTestClock runs a test whose time moves only while nobody works, so that a busy machine makes nothing late. Its worlds
// are wired ones: a socket would hold the time. Such a test is not parallel, so that no other one's goroutines take turns with its own.
func onTestClock(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	// fasthttp, below the S3 server, starts one clock for the whole process and never ends it: it must not be a bubble's.
	standinClock.Do(func() { newWorld(t, worldConfig{docs: someDocs(3)}).run(t, nil) }) //nolint:errcheck // only that it began matters
	synctest.Test(t, test)
}
