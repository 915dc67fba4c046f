//go:build !unix

package sourcetest

import "time"

var began = time.Now()

// spent is the time that has gone by.
func spent() time.Duration { return time.Since(began) }
