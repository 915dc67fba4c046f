package compose

import (
	"fmt"

	"quarry"
	"quarry/internal/config"
)

// DeadlineNeedsAuto refuses a deadline in a mode that never changes price class.
func DeadlineNeedsAuto(s *config.Settings) error {
	if s.By == "" || s.Mode == string(quarry.ModeAuto) {
		return nil
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "use", Subject: "--by " + s.By,
		Err:  fmt.Errorf("it needs --mode auto; mode %s never changes price class", s.Mode),
		Hint: "add --mode auto: it submits jobs, and sends records that jobs would answer too late as on-demand calls, at the on-demand price",
	}
}
