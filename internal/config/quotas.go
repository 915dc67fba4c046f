package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"quarry"
)

// quotaNames are the quotas that can be set, and where each goes.
var quotaNames = []struct {
	name string
	at   func(*quarry.Quotas) []*int64
}{
	{"min_records", func(q *quarry.Quotas) []*int64 { return []*int64{&q.MinRecords} }},
	{"max_records", func(q *quarry.Quotas) []*int64 { return []*int64{&q.RecordsPerFile, &q.RecordsPerJob} }},
	{"max_file_bytes", func(q *quarry.Quotas) []*int64 { return []*int64{&q.FileBytes} }},
	{"max_job_bytes", func(q *quarry.Quotas) []*int64 { return []*int64{&q.JobBytes} }},
	{"open_jobs", func(q *quarry.Quotas) []*int64 { return []*int64{&q.OpenJobs} }},
	{"rpm", func(q *quarry.Quotas) []*int64 { return []*int64{&q.RPM} }},
	{"tpm", func(q *quarry.Quotas) []*int64 { return []*int64{&q.TPM} }},
}

// quotaSetting reads quotas that go over the account's and the table's: a mapping in quarry.yaml, name=value elsewhere.
func quotaSetting() Setting {
	names := make([]string, len(quotaNames))
	for i, q := range quotaNames {
		names[i] = q.name
	}
	return Setting{
		Name: "quotas", Value: "NAME=N", Many: true,
		Help: "quota that replaces the account's and the table's (repeatable): " + strings.Join(names, ", "),
		set: func(s *Settings, values []string) error {
			var q quarry.Quotas
			for _, pair := range values {
				name, value, ok := strings.Cut(pair, "=")
				i := slices.Index(names, name)
				if !ok || i < 0 {
					return fmt.Errorf("%q is not NAME=VALUE with a NAME of %s", pair, strings.Join(names, ", "))
				}
				n, err := strconv.ParseInt(strings.ReplaceAll(value, "_", ""), 10, 64)
				if err != nil || n < 1 {
					return fmt.Errorf("%s: %q is not a whole number above 0", name, value)
				}
				for _, at := range quotaNames[i].at(&q) {
					*at = n
				}
			}
			if q.RecordsPerFile > 0 && q.RecordsPerFile < q.MinRecords {
				return errors.New("max_records is below min_records")
			}
			if q != (quarry.Quotas{}) {
				q.Source = "configuration"
			}
			s.Quotas = q
			return nil
		},
		value: func(s *Settings) any {
			out := map[string]int64{}
			for _, q := range quotaNames {
				if n := *q.at(&s.Quotas)[0]; n > 0 {
					out[q.name] = n
				}
			}
			return out
		},
	}
}
