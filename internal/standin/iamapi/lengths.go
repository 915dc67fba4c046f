package iamapi

import (
	"fmt"
	"net/http"
)

// IAM's limits for texts: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const (
	maxDescription = 1000
	maxTrust       = 2048 // white space not counted
	maxPath        = 512
)

// unsatisfied words a fault of a parameter as IAM does. An empty value is left out.
func unsatisfied(value, field, constraint string) error {
	if value != "" {
		value = " '" + value + "'"
	}
	return refuse(http.StatusBadRequest, "ValidationError", "1 validation error detected: Value%s at '%s' failed to satisfy constraint: %s",
		value, field, constraint)
}

// checkLength refuses a text with less or more characters than IAM takes.
func checkLength(field, text string, least, most int) error {
	switch n := len([]rune(text)); {
	case n < least:
		return unsatisfied(text, field, fmt.Sprintf("Member must have length greater than or equal to %d", least))
	case n > most:
		return unsatisfied(text, field, fmt.Sprintf("Member must have length less than or equal to %d", most))
	}
	return nil
}

func checkPath(path string) error {
	if err := checkLength("path", path, 1, maxPath); err != nil {
		return err
	}
	if !rolePath().MatchString(path) {
		return refuse(http.StatusBadRequest, "ValidationError", "The specified value for path is invalid. It must begin and end with / and "+
			"contain only alphanumeric characters and/or / characters.")
	}
	return nil
}
