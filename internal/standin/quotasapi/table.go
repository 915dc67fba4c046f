package quotasapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/base/catalog"
)

// everyModel is the key of what holds for all models.
const everyModel = "*"

// Table is what an operator sets over AWS's default quotas. The zero Table sets nothing.
type Table struct{ set map[string]quarry.Quotas }

// ReadTable reads a table in the form that the package comment gives.
func ReadTable(r io.Reader) (Table, error) {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	var t Table
	if err := dec.Decode(&t.set); err != nil {
		return Table{}, fmt.Errorf("read quotas: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Table{}, errors.New("read quotas: there is more after the object")
	}
	for id, q := range t.set {
		for _, value := range []int64{q.MinRecords, q.RecordsPerFile, q.RecordsPerJob, q.FileBytes, q.JobBytes, q.OpenJobs, q.RPM, q.TPM, q.Burndown} {
			if value < 0 {
				return Table{}, fmt.Errorf("read quotas: %s has the value %d; a quota is a whole number above 0", id, value)
			}
		}
		if id == everyModel {
			continue
		}
		m, profile, ok := catalog.Find(id)
		if !ok {
			return Table{}, fmt.Errorf("read quotas: there is no model %q%s", id, suggestion(id))
		}
		if profile != "" {
			return Table{}, fmt.Errorf("read quotas: %q is a profile; quotas are set for its model, %q", id, m.ID)
		}
	}
	return t, nil
}

func suggestion(id string) string {
	near := catalog.Suggest(id)
	if len(near) == 0 {
		return ""
	}
	return "; near it: " + strings.Join(near, ", ")
}

// Quotas gives what holds for jobs and calls that name a model or an inference profile, by id or ARN; an unknown one
// has no limits.
func (t Table) Quotas(id string) quarry.Quotas {
	m, profile, ok := catalog.Find(id)
	if !ok {
		return quarry.Quotas{}
	}
	return t.over(m, m.Quotas(profile))
}

// over lays what is set over defaults: for the model first, then for every model.
func (t Table) over(m catalog.Model, defaults quarry.Quotas) quarry.Quotas {
	return catalog.Merge(t.set[m.ID], t.set[everyModel], defaults)
}

// row is one quota as it is served.
type row struct {
	code, label     string
	value, standard float64 // applied and AWS's default
	adjustable      bool
}

// rows gives every quota of every model, sorted by code.
func (t Table) rows() []row {
	var out []row
	for _, m := range catalog.Models() {
		for _, r := range m.QuotaRows() {
			one := row{code: r.Code, label: r.Label, standard: r.Value, value: t.applied(m, r), adjustable: r.Adjustable}
			if one.code == "" {
				one.code = madeUpCode(r.Label)
			}
			out = append(out, one)
		}
	}
	slices.SortFunc(out, func(a, b row) int { return strings.Compare(a.code+a.label, b.code+b.label) })
	// Some models share a label and with it the quota.
	return slices.CompactFunc(out, func(a, b row) bool { return a.code == b.code })
}

// applied is the row's value under this table. Which field the row speaks of is what the catalogue reads out of it.
func (t Table) applied(m catalog.Model, r catalog.QuotaRow) float64 {
	set := t.over(m, quarry.Quotas{})
	if set == (quarry.Quotas{}) {
		return r.Value
	}
	for _, profile := range append([]string{""}, m.Profiles()...) {
		found := m.ReadQuotas([]catalog.QuotaRow{r}, profile, "")
		for _, f := range []struct {
			has, to int64
			unit    float64
		}{
			{found.MinRecords, set.MinRecords, 1},
			{found.RecordsPerFile, set.RecordsPerFile, 1},
			{found.RecordsPerJob, set.RecordsPerJob, 1},
			{found.FileBytes, set.FileBytes, 1e9},
			{found.JobBytes, set.JobBytes, 1e9},
			{found.OpenJobs, set.OpenJobs, 1},
			{found.RPM, set.RPM, 1},
			{found.TPM, set.TPM, 1},
		} {
			if f.has != 0 && f.to != 0 {
				return float64(f.to) / f.unit
			}
		}
	}
	return r.Value
}
