//go:build !unix

package model_test

import "time"

// processorTime is not told by this system; the benchmark's cpu metrics are 0 then.
func processorTime() time.Duration { return 0 }
