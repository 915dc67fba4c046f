package catalog

import (
	"slices"
	"strings"

	"quarry"
)

// Defaults of the quotas of batch inference, the same in every row that was read
// (https://docs.aws.amazon.com/general/latest/gr/bedrock.html). Some models have a larger job size.
const (
	defaultMinRecords = 100
	defaultRecords    = 100_000 // per file and per job
	defaultFileGB     = 1
	defaultJobGB      = 5
	defaultOpenJobs   = 100

	// bytesPerGB is the smaller of the two readings: AWS does not say whether its GB is 10⁹ or 2³⁰ bytes.
	bytesPerGB = 1_000_000_000
)

// Scope tells the runtime quotas of one model apart.
type Scope string

// The scopes, by the id that a call names.
const (
	InRegionScope Scope = "in_region" // the plain id: "On-demand model inference …"
	GeoScope      Scope = "geo"       // a geographic profile: "Cross-region model inference …"
	GlobalScope   Scope = "global"    // "Global cross-region model inference …"
)

// ScopeOf gives the scope of calls that name a profile.
func ScopeOf(profile string) Scope {
	switch profile {
	case "":
		return InRegionScope
	case Global:
		return GlobalScope
	}
	return GeoScope
}

// jobQuota is what a row says of batch inference. Codes are known only where AWS's page links to them, which is for
// adjustable quotas.
type jobQuota struct {
	Label    string            `json:"label"`  // the model's name in the quotas' labels
	Labels   map[string]string `json:"labels"` // by kind, where it is spelled differently
	Job      string            `json:"job"`
	File     string            `json:"file"`
	Open     string            `json:"open"`
	MinCode  string            `json:"min_code"`
	FileCode string            `json:"file_gb_code"`
	JobCode  string            `json:"job_gb_code"`
	JobGB    int64             `json:"job_gb"`
}

// runtimeRow is what a row says of one scope. Where the page has several values by Region, the lowest is here.
type runtimeRow struct {
	Label   string `json:"label"`
	RPM     int64  `json:"rpm"`
	TPM     int64  `json:"tpm"`
	RPMCode string `json:"rpm_code"`
	TPMCode string `json:"tpm_code"`
}

// Kind says which quota a row of Service Quotas is about.
type Kind string

// The kinds, named after the fields of [quarry.Quotas].
const (
	MinRecords     Kind = "min"
	RecordsPerFile Kind = "file"
	RecordsPerJob  Kind = "job"
	FileGB         Kind = "file_gb"
	JobGB          Kind = "job_gb"
	OpenJobs       Kind = "open"
	RPM            Kind = "rpm"
	TPM            Kind = "tpm"
)

// QuotaRow is one quota as ListServiceQuotas gives it. Values are in the label's unit: records, GB, jobs, requests or
// tokens a minute.
type QuotaRow struct {
	Code       string  `json:"code"` // empty where AWS's page does not name it
	Label      string  `json:"label"`
	Value      float64 `json:"value"`
	Adjustable bool    `json:"adjustable,omitempty"`
}

// Burndown is how many tokens of the TPM quota one output token takes
// (https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html); 0 for the zero Model.
func (m Model) Burndown() int64 {
	if m.row == nil {
		return 0
	}
	return m.row.Burndown
}

// Quotas gives AWS's defaults for jobs and calls that name the profile ("" for the plain id). An account can have less:
// Service Quotas knows. Fields that the table does not know are 0.
func (m Model) Quotas(profile string) quarry.Quotas {
	q := quarry.Quotas{Source: "table of " + Date()}
	if m.row == nil {
		return q
	}
	if j := m.row.Quota; j != nil {
		q.MinRecords = defaultMinRecords
		q.RecordsPerFile = defaultRecords
		q.RecordsPerJob = defaultRecords
		q.FileBytes = defaultFileGB * bytesPerGB
		q.JobBytes = j.jobGB() * bytesPerGB
		q.OpenJobs = defaultOpenJobs
	}
	rt := m.row.Runtime[ScopeOf(profile)]
	q.RPM, q.TPM, q.Burndown = rt.RPM, rt.TPM, m.row.Burndown
	return q
}

func (j *jobQuota) jobGB() int64 {
	if j.JobGB > 0 {
		return j.JobGB
	}
	return defaultJobGB
}

func (j *jobQuota) label(k Kind) string {
	if l := j.Labels[string(k)]; l != "" {
		return l
	}
	return j.Label
}

// The labels of batch inference, up to the model's name.
const (
	minPrefix    = "Minimum number of records per batch inference job for "
	filePrefix   = "Records per input file per batch inference job for "
	jobPrefix    = "Records per batch inference job for "
	fileGBPrefix = "Batch inference input file size (in GB) for "
	jobGBPrefix  = "Batch inference job size (in GB) for "
	openPrefix   = "Sum of in-progress and submitted batch inference jobs using a base model for "
)

var runtimePrefixes = []struct {
	scope  Scope
	kind   Kind
	prefix string
}{
	{InRegionScope, RPM, "On-demand model inference requests per minute for "},
	{InRegionScope, TPM, "On-demand model inference tokens per minute for "},
	{GeoScope, RPM, "Cross-region model inference requests per minute for "},
	{GeoScope, TPM, "Cross-region model inference tokens per minute for "},
	{GlobalScope, RPM, "Global cross-region model inference requests per minute for "},
	{GlobalScope, TPM, "Global cross-region model inference tokens per minute for "},
}

// QuotaRows gives the model's quotas as Service Quotas lists them, with AWS's spelling of the labels.
func (m Model) QuotaRows() []QuotaRow {
	if m.row == nil {
		return nil
	}
	var rows []QuotaRow
	if j := m.row.Quota; j != nil {
		rows = append(
			rows,
			QuotaRow{j.MinCode, minPrefix + j.label(MinRecords), defaultMinRecords, j.MinCode != ""},
			QuotaRow{j.File, filePrefix + j.label(RecordsPerFile), defaultRecords, j.File != ""},
			QuotaRow{j.Job, jobPrefix + j.label(RecordsPerJob), defaultRecords, j.Job != ""},
			QuotaRow{j.FileCode, fileGBPrefix + j.label(FileGB), defaultFileGB, j.FileCode != ""},
			QuotaRow{j.JobCode, jobGBPrefix + j.label(JobGB), float64(j.jobGB()), j.JobCode != ""},
			QuotaRow{j.Open, openPrefix + j.label(OpenJobs), defaultOpenJobs, j.Open != ""},
		)
	}
	for _, p := range runtimePrefixes {
		r := m.row.Runtime[p.scope]
		value, code := r.RPM, r.RPMCode
		if p.kind == TPM {
			value, code = r.TPM, r.TPMCode
		}
		if value > 0 {
			rows = append(rows, QuotaRow{code, p.prefix + r.Label, float64(value), code != ""})
		}
	}
	return rows
}

// ReadQuotas picks the model's quotas, for the profile, out of what Service Quotas lists. It goes by label, and by code
// where a label was changed; labels are compared whole, since "Records per batch inference job …" also is inside
// "Minimum number of records per batch inference job …". Fields that rows do not cover are 0; of two rows for one quota
// the first counts, so applied values go before defaults.
func (m Model) ReadQuotas(rows []QuotaRow, profile, source string) quarry.Quotas {
	q := quarry.Quotas{Source: source}
	if m.row == nil {
		return q
	}
	q.Burndown = m.row.Burndown
	labels, codes := m.wanted(ScopeOf(profile))
	for _, r := range rows {
		kind, ok := labels[plainLabel(r.Label)]
		if !ok && r.Code != "" {
			kind, ok = codes[r.Code]
		}
		if !ok || !(r.Value > 0) {
			continue
		}
		value := r.Value
		if kind == FileGB || kind == JobGB {
			value *= bytesPerGB
		}
		target := map[Kind]*int64{
			MinRecords: &q.MinRecords, RecordsPerFile: &q.RecordsPerFile, RecordsPerJob: &q.RecordsPerJob, FileGB: &q.FileBytes,
			JobGB: &q.JobBytes, OpenJobs: &q.OpenJobs, RPM: &q.RPM, TPM: &q.TPM,
		}[kind]
		if *target == 0 && value < 1<<62 {
			*target = int64(value)
		}
	}
	return q
}

// wanted gives the labels and the codes of the model's quotas, for calls of one scope.
func (m Model) wanted(scope Scope) (labels, codes map[string]Kind) {
	labels, codes = make(map[string]Kind), make(map[string]Kind)
	want := func(kind Kind, code, label string) {
		labels[plainLabel(label)] = kind
		if code != "" {
			codes[code] = kind
		}
	}
	if j := m.row.Quota; j != nil {
		want(MinRecords, j.MinCode, minPrefix+j.label(MinRecords))
		want(RecordsPerFile, j.File, filePrefix+j.label(RecordsPerFile))
		want(RecordsPerJob, j.Job, jobPrefix+j.label(RecordsPerJob))
		want(FileGB, j.FileCode, fileGBPrefix+j.label(FileGB))
		want(JobGB, j.JobCode, jobGBPrefix+j.label(JobGB))
		want(OpenJobs, j.Open, openPrefix+j.label(OpenJobs))
	}
	if rt, ok := m.row.Runtime[scope]; ok {
		for _, p := range runtimePrefixes {
			switch {
			case p.scope != scope:
			case p.kind == RPM:
				want(RPM, rt.RPMCode, p.prefix+rt.Label)
			default:
				want(TPM, rt.TPMCode, p.prefix+rt.Label)
			}
		}
	}
	return labels, codes
}

// plainLabel takes out what AWS's labels differ in without a meaning: case, a dot at the end, the place of "(in GB)".
func plainLabel(s string) string {
	words := strings.Fields(strings.TrimRight(strings.TrimSpace(strings.ToLower(s)), "."))
	words = slices.DeleteFunc(words, func(w string) bool { return w == "(in" || w == "gb)" })
	return strings.Join(words, " ")
}

// Merge fills what the first quotas do not know from the following ones. Source names each that gave something, in
// order.
func Merge(first quarry.Quotas, rest ...quarry.Quotas) quarry.Quotas {
	merged := first
	for _, q := range rest {
		used := false
		for _, f := range []struct {
			to   *int64
			from int64
		}{
			{&merged.MinRecords, q.MinRecords},
			{&merged.RecordsPerFile, q.RecordsPerFile},
			{&merged.RecordsPerJob, q.RecordsPerJob},
			{&merged.FileBytes, q.FileBytes},
			{&merged.JobBytes, q.JobBytes},
			{&merged.OpenJobs, q.OpenJobs},
			{&merged.RPM, q.RPM},
			{&merged.TPM, q.TPM},
			{&merged.Burndown, q.Burndown},
		} {
			if *f.to == 0 && f.from != 0 {
				*f.to = f.from
				used = true
			}
		}
		switch {
		case !used || q.Source == "":
		case merged.Source == "":
			merged.Source = q.Source
		case !slices.Contains(strings.Split(merged.Source, "; "), q.Source):
			merged.Source += "; " + q.Source
		}
	}
	return merged
}
