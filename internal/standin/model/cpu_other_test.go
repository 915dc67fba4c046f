//go:build !unix

package model_test

import "time"

// processorTime is 0: this system does not report it, and the benchmark's cpu metrics are 0.
func processorTime() time.Duration { return 0 }
