package cli

import (
	"errors"
	"strings"

	"quarry"
)

// exitCode gives the program's exit code for an error, and a hint where the error has none of its own.
func exitCode(err error) (code int, hint string) {
	var q *quarry.Error
	if !errors.As(err, &q) {
		// cobra's own errors about commands and arguments have no type.
		for _, usage := range []string{"unknown command", "accepts ", "requires at least", "unknown flag", "required flag", "unknown shorthand"} {
			if strings.HasPrefix(err.Error(), usage) {
				return 2, "see: quarry --help"
			}
		}
		return 1, ""
	}
	switch q.Kind {
	case quarry.BadUsage:
		return 2, ""
	case quarry.BadItems:
		return 3, ""
	case quarry.Denied:
		return 4, ""
	case quarry.OverLimit:
		return 5, ""
	case quarry.Provider:
		return 6, ""
	case quarry.Locked:
		return 7, ""
	case quarry.AuditFault:
		return 8, ""
	}
	return 1, ""
}
