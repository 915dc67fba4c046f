package main

// onAWS wraps a command into a stand-in that the run finds through AWS_ENDPOINT_URL, as it would find AWS. Its folder stays, so that
// a later step meets the same bucket and jobs.
func onAWS(flags, command string) string {
	return `"$Q" local --dir standin ` + flags + ` -- sh -c '"$Q" setup --target aws --yes >/dev/null && ` + command + `'`
}

const (
	// small lets a few records be a job.
	small = `{"*":{"min_records":3,"records_per_job":10,"records_per_file":10}}`
	head  = `head -n 30 "$EXAMPLES/articles.jsonl" >docs.jsonl`
	more  = `head -n 45 "$EXAMPLES/articles.jsonl" >docs.jsonl`
	less  = `sed -n '10,30p' "$EXAMPLES/articles.jsonl" >docs.jsonl`
	// local is a run inside the process, which keeps its input files.
	local = `"$Q" run docs.jsonl --dir run --keep-shards --pilot 10 --quiet `
	aws   = `"$Q" run docs.jsonl --dir run --keep-shards --pilot 10 --quiet --target aws --yes `
)

const otherPrompt = `prompt:
  user: |
    Title: {{.Title}}

    {{.Text}}

    Summarise it as JSON with the members title_en, summary_ja and summary_en.
`

var (
	quotas = map[string]string{"quotas.json": small}
	edited = map[string]string{"quotas.json": small, "b.yaml": otherPrompt}
)

var kinds = []kind{
	{name: "batch", steps: []string{`"$Q" run "$EXAMPLES/articles.jsonl" --dir run --keep-shards --quiet`}},
	{name: "jobs", files: quotas, steps: []string{head, onAWS("--quotas quotas.json", aws)}},
	{name: "ondemand", steps: []string{head, local + `--mode ondemand`}},
	{name: "flex", steps: []string{head, local + `--mode flex`}},
	{name: "deadline", files: quotas, steps: []string{head, onAWS("--quotas quotas.json", aws+`--mode auto --by 6h`)}},
	{name: "retry", files: quotas, steps: []string{head, onAWS("--quotas quotas.json --fault bad-json=0.3,record-error=0.1,seed=4", aws)}},
	{name: "lost-records", files: quotas, steps: []string{head, onAWS("--quotas quotas.json --fault drop-record=0.2,duplicate-record=0.1,seed=5", aws)}},
	{name: "failed-jobs", files: quotas, steps: []string{head, onAWS("--quotas quotas.json --fault partial=0.3,expire=0.2,seed=6", aws)}},
	{name: "merge", steps: []string{head, local + `--long merge --max-chars 3000`}},
	{name: "headtail", steps: []string{head, local + `--long headtail --max-chars 2000`}},
	{name: "increment", steps: []string{head, local, more, local, less, local + `--yes`}},
	{name: "prompt-back", files: edited, steps: []string{head, local, local + `-c b.yaml`, local}},
	{name: "adopt", files: quotas, steps: []string{
		head, onAWS("--quotas quotas.json", aws+` && id=$(grep -o "run\": \"[a-z0-9]*" run/report.json | cut -c8-) && "$Q" adopt --run $id --dir adopted --target aws --quiet`),
	}},
	{name: "pools", files: quotas, steps: []string{head, onAWS("--quotas quotas.json", `"$Q" setup --target aws --yes --region us-west-2,us-east-1 >/dev/null && `+aws+`--region us-west-2,us-east-1`)}},
	{name: "cap", files: quotas, steps: []string{head, onAWS("--quotas quotas.json", aws+`--max-usd 0.05`)}},
	{name: "known", files: map[string]string{"known.jsonl": `{"id":"sample-003","output":{"title_en":null,"summary_ja":"これは要約です。","summary_en":null}}` + "\n"}, steps: []string{
		head, local + `--known known.jsonl`,
	}},
	{name: "records", steps: []string{head, `"$Q" build docs.jsonl -o out --quiet`, `"$Q" run --records out/*.jsonl --dir run --keep-shards --pilot 0 --quiet`}},
	{name: "folder", files: map[string]string{
		"docs/a.md": "# Stone\n\nStone is cut from the face of a hill and carried to the valley by rail.\n",
		"docs/b.md": "# Marble\n\nMasons take the blocks there, but the price of marble stays high.\n",
		"docs/c.md": "```\nonly code\n```\n",
	}, steps: []string{`"$Q" run docs --dir run --keep-shards --quiet`}},
	{name: "duplicates", steps: []string{head, `head -n 5 "$EXAMPLES/articles.jsonl" | sed 's/"id":"/"id":"again-/' >>docs.jsonl`, local + `--near-duplicates`}},
	{name: "too-few", steps: []string{head, onAWS("", aws), onAWS("", aws+`--below-minimum ondemand`), more, onAWS("", aws)}},
	{name: "bad-pilot", files: edited, steps: []string{head, onAWS("--quotas quotas.json --fault bad-json=0.9,seed=7", aws+`--attempts 1`), onAWS("--quotas quotas.json", aws+`-c b.yaml`)}},
	{name: "source-changed", files: quotas, steps: []string{head, local, less + ` && ` + more, local + `--refresh-max 3`}},
	{name: "exports", steps: []string{head, local, `mkdir out && mkdir out/out && for f in csv jsonl; do "$Q" export --dir run --format $f -o out/out/all.$f --quiet; done`}},
}
