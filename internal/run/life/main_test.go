package life

import (
	"os"
	"testing"

	"quarry/internal/testdata"
)

func TestMain(m *testing.M) {
	testdata.InMemory()
	os.Exit(m.Run())
}
