package quotas

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"quarry/internal/base/atomicfile"
	"quarry/internal/base/catalog"
	"quarry/internal/base/effect"
)

// FileName is where a run directory keeps what Service Quotas answered.
const FileName = "quotas.json"

// goodFor is how long rows that were read are used without asking again. A quota changes when a person asks AWS for more.
const goodFor = 24 * time.Hour

// Rows are the quotas of one account in one Region.
type Rows struct {
	Account string             `json:"account"`
	Region  string             `json:"region"`
	Read    time.Time          `json:"read"`
	Rows    []catalog.QuotaRow `json:"rows"`
}

// Fresh reports whether the rows can be used without asking again. A clock that was set back makes them old.
func (r *Rows) Fresh(now time.Time) bool {
	return !r.Read.After(now.Add(time.Minute)) && now.Sub(r.Read) < goodFor
}

// Source says for people where the rows come from and of when they are.
func (r *Rows) Source() string { return "service quotas, read " + r.Read.UTC().Format(time.RFC3339) }

// kept is the file: one entry for each account and Region.
type kept struct {
	Format  int    `json:"format"`
	Regions []Rows `json:"regions"`
}

const keptFormat = 1

// Kept gives the rows that a file holds; an empty account stands for any. ok is false where it holds none, and where the
// file is of a newer format or broken: it can be read again at any time.
func Kept(path, account, region string) (rows Rows, ok bool, err error) {
	k, err := readKept(path)
	if err != nil {
		return Rows{}, false, err
	}
	for _, r := range k.Regions {
		if r.Region == region && (account == "" || r.Account == account) && len(r.Rows) > 0 {
			return r, true, nil
		}
	}
	return Rows{}, false, nil
}

func readKept(path string) (kept, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return kept{}, nil
	}
	if err != nil {
		return kept{}, fmt.Errorf("read kept quotas: %w", err)
	}
	var k kept
	if json.Unmarshal(b, &k) != nil || k.Format != keptFormat {
		return kept{}, nil
	}
	return k, nil
}

// Keep stores rows in a file next to those of other accounts and Regions.
func Keep(e *effect.Effects, path string, rows Rows) error {
	k, err := readKept(path)
	if err != nil {
		return err
	}
	out := kept{Format: keptFormat, Regions: []Rows{rows}}
	for _, r := range k.Regions {
		if r.Account != rows.Account || r.Region != rows.Region {
			out.Regions = append(out.Regions, r)
		}
	}
	b, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return atomicfile.Write(e, path, append(b, '\n'))
}
