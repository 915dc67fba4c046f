package cli

// group is a heading of the help and the flags or commands below it.
type group struct {
	title string
	names []string
}

// commandGroups has every command once.
var commandGroups = []group{
	{"Run a job", []string{"run", "plan", "inspect", "clean", "build", "validate"}},
	{"Follow a job", []string{"status", "watch", "ui", "approve", "stop", "collect", "adopt"}},
	{"Use the results", []string{"export", "publish", "report", "history", "runs", "audit"}},
	{"Account and settings", []string{"setup", "preflight", "prices", "init", "config"}},
	{"This program", []string{"local", "completion", "version", "help"}},
}

// flagGroups has every flag once; localGroups has those of quarry local.
var flagGroups = []group{
	{"Sources", []string{"from", "field", "where", "query", "limit", "records", "known", "replace-source", "max-item-mib", "source-key-env"}},
	{"Texts", []string{
		"as", "body-format", "long", "max-chars", "max-text-tokens", "near-duplicates", "near-threshold", "reuse-near-duplicates",
	}},
	{"Model and prompt (prompt and schema: quarry.yaml)", []string{"model", "models", "structured", "attempts", "cache"}},
	{"Cost and time", []string{"mode", "max-usd", "by", "below-minimum", "rescue", "refresh-max", "prices", "yes"}},
	{"Pilot", []string{"pilot", "pilot-min-valid", "review", "rest"}},
	{"Place", []string{
		"target", "ledger", "files", "region", "profile", "bucket", "bucket-owner", "role", "kms-key", "tag", "expire-days",
		"job-timeout", "vpc-subnets", "vpc-security-groups", "quotas",
	}},
	{"Stand-in (--target local)", []string{"backend", "backend-model", "backend-key-env", "backend-wait"}},
	{"Speed", []string{"concurrency", "workers"}},
	{"Output", []string{
		"dir", "keep-shards", "output", "format", "columns", "table", "original", "force", "bom", "guard-formulas", "stats", "print", "verbose", "no-descriptions",
	}},
	{"Target", []string{"to", "to-key-env", "map", "reviewed", "dry-run", "undo"}},
	{"Server", []string{"addr", "allow", "tls-cert", "tls-key", "behind-proxy"}},
	{"Notifications and logs", []string{"notify", "notify-key-env", "metrics-addr", "log-format"}},
	{"This command", []string{"watch", "run", "detach", "allow-source", "probe", "refresh", "from-url", "trust", "delete", "prune"}},
	everyCommand,
}

var localGroups = []group{
	{"Server", []string{"addr", "dir", "detach", "stop", "shell", "concurrency", "quotas"}},
	{"Answers", []string{"backend", "backend-model", "backend-key-env", "backend-wait"}},
	{"Access", []string{"keys", "tls-self-signed", "tls-cert", "tls-key"}},
	{"Tests of clients", []string{"seed-state", "state-delay", "fault", "events", "test", "test-clock"}},
	everyCommand,
}

var everyCommand = group{"Every command", []string{"config", "json", "quiet", "help"}}
