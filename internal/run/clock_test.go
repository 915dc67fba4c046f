package run_test

import (
	"testing"
	"testing/synctest"
)

// onTestClock runs a test whose clock moves only while all goroutines wait, so that a busy machine makes nothing late. Its worlds
// are wired ones: a socket would stop the clock. Such a test is not parallel, so that no other test's goroutines run between its own.
func onTestClock(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}
