package store_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain turns the test binary into the victim of the kill test when it is started as one.
func TestMain(m *testing.M) {
	if dir := os.Getenv("QUARRY_STORE_VICTIM"); dir != "" {
		victim(dir)
		return
	}
	goleak.VerifyTestMain(m)
}
