//go:build !unix

package sourcetest

import (
	"testing"
	"time"
)

var began = time.Now()

// Spent is the time that has gone by.
func Spent(*testing.T) time.Duration { return time.Since(began) }
