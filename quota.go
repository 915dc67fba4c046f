package quarry

// Quotas are the limits of one model in one Region that decide how records are packed and sent. A field that is 0 is
// not known; nothing is packed against it.
type Quotas struct {
	MinRecords     int64 `json:"min_records"`      // per job: "Minimum number of records per batch inference job for …"
	RecordsPerFile int64 `json:"records_per_file"` // "Records per input file per batch inference job for …"
	RecordsPerJob  int64 `json:"records_per_job"`  // "Records per batch inference job for …"
	FileBytes      int64 `json:"file_bytes"`       // "Batch inference input file size (in GB) for …"
	JobBytes       int64 `json:"job_bytes"`        // "Batch inference job size (in GB) for …"
	OpenJobs       int64 `json:"open_jobs"`        // "Sum of in-progress and submitted batch inference jobs …"

	RPM      int64 `json:"rpm"`      // on-demand requests a minute
	TPM      int64 `json:"tpm"`      // runtime tokens a minute
	Burndown int64 `json:"burndown"` // how many tokens of TPM one output token takes

	// Source says where the figures come from: "service quotas", "table of 2026-11-21", "configuration".
	Source string `json:"source"`
}
