//go:build !unix

package sourcetest

import (
	"testing"
	"time"
)

var began = time.Now()

// spent is the time that has gone by.
func spent(*testing.T) time.Duration { return time.Since(began) }
