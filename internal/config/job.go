package config

import (
	"fmt"
	"regexp"
	"strconv"

	"quarry/internal/base/figure"
)

// The bounds of CreateModelInvocationJob
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html and API_VpcConfig.html).
const (
	leastTimeout = 24
	mostTimeout  = 168
)

var (
	vpcID   = regexp.MustCompile(`^[-0-9a-zA-Z]{1,32}$`)
	account = regexp.MustCompile(`^[0-9]{12}$`)
)

func jobTimeout(v string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n != 0 && (n < leastTimeout || n > mostTimeout) {
		return 0, fmt.Errorf("%q is not a number of hours from %d to %d", v, leastTimeout, mostTimeout)
	}
	return n, nil
}

func bucketOwner(v string) (string, error) {
	if v != "" && !account.MatchString(v) {
		return "", fmt.Errorf("%q is not an account of 12 digits", v)
	}
	return v, nil
}

// ids is a list of ids of a VPC's parts, at most so many.
func ids(name, help string, most int, at func(*Settings) *[]string) Setting {
	s := list(name, "ID", "", help, at)
	plain := s.set
	s.set = func(to *Settings, v []string) error {
		if err := plain(to, v); err != nil {
			return err
		}
		if n := len(*at(to)); n > most {
			return fmt.Errorf("%s, and a job takes %s", figure.Count(n, "id"), figure.Thousands(most))
		}
		for _, id := range *at(to) {
			if !vpcID.MatchString(id) {
				return fmt.Errorf("%q is not an id such as subnet-0abc or sg-0abc", id)
			}
		}
		return nil
	}
	return s
}
