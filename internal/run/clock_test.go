package run_test

import (
	"testing"
	"testing/synctest"
)

// onTestClock runs a test whose time moves only while nobody works, so that a busy machine makes nothing late. Its worlds
// are wired ones: a socket would hold the time. Such a test is not parallel, so that no other one's goroutines take turns with its own.
func onTestClock(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}
