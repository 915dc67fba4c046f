package config

import (
	"sync"
	"time"

	"quarry"
)

// All gives every setting, in the order in which they are printed. The slice is shared: callers must not change it.
func All() []Setting { return all() }

// Every command looks through them for its flags.
var all = sync.OnceValue(func() []Setting {
	return []Setting{
		text("dir", "DIR", "quarry-run", "run directory", func(s *Settings) *string { return &s.Dir }),
		parsed("ledger", "URL", "", "Postgres database that holds the run, as postgres://USER@HOST/NAME, for several machines; "+
			"default: a file in DIR", ledgerAddress, func(s *Settings) *string { return &s.Ledger }),
		choice("files", "WHERE", "", "where the files of a run are kept: dir (only in DIR) or bucket (in the run's bucket too, so that quarry adopt "+
			"continues after DIR is lost); default: dir, with --ledger bucket",
			[]string{"", "dir", "bucket"}, func(s *Settings) *string { return &s.Files }),
		choice("target", "TARGET", "local", "where the job runs: local (the stand-in inside this program) or aws",
			[]string{"local", "aws"}, func(s *Settings) *string { return &s.Target }),
		text("model", "ID", quarry.DefaultModel, "model or inference profile, as an id or ARN", func(s *Settings) *string { return &s.Model }),
		list("models", "ID", "", "further models or profiles of the same family that may answer too, each a pool of its own in "+
			"every Region of --region",
			func(s *Settings) *[]string { return &s.Models }),
		quotaSetting(),
		choice("mode", "MODE", "batch", "how to buy the answers: batch, flex, ondemand or auto",
			[]string{"batch", "flex", "ondemand", "auto"}, func(s *Settings) *string { return &s.Mode }),
		number("pilot", "100", "size of the pilot: N documents sampled from the whole source and sent first; 0 = no pilot",
			func(s *Settings) *int { return &s.Pilot }),
		fraction("pilot-min-valid", "0.7", "share of good answers that the pilot needs before the rest is sent",
			func(s *Settings) *float64 { return &s.PilotMinValid }),
		flag("review", "stop after the pilot until its answers are approved with quarry approve --rest", func(s *Settings) *bool { return &s.Review }),
		choice("structured", "WHEN", "auto", "send the answer schema with each request, so that the provider enforces it: auto "+
			"(the pilot decides), on or off",
			[]string{"auto", "on", "off"}, func(s *Settings) *string { return &s.Structured }),
		fromOne("attempts", "4", "attempts at each record", func(s *Settings) *int { return &s.Attempts }),
		number64("limit", "0", "read at most N documents; 0 = all", func(s *Settings) *int64 { return &s.Limit }),
		choice("long", "HOW", "cut", "long texts: cut, whole, headtail (keep the start and the end) or merge (send parts, then "+
			"merge the answers)",
			[]string{"whole", "cut", "headtail", "merge"}, func(s *Settings) *string { return &s.Long }),
		limit("max-chars", "50000", "send at most N characters of a text or of a part of it, or off",
			func(s *Settings) *int { return &s.MaxChars }),
		limit("max-text-tokens", "off", "send at most N estimated tokens of a text or of a part of it, or off",
			func(s *Settings) *int { return &s.MaxTextTokens }),
		number64("refresh-max", "0", "at most N changed documents (text, prompt or model) per run; 0 = no limit",
			func(s *Settings) *int64 { return &s.RefreshMax }),
		money("max-usd", "", "spending cap in US dollars: the run stops before the call that could exceed it",
			func(s *Settings) **quarry.USD { return &s.MaxUSD }),
		deadline("by", "", "with --mode auto: finish by this time (such as 2026-12-01T06:00:00Z) or within this duration (6h)",
			func(s *Settings) *string { return &s.By }),
		text("prices", "FILE", "", "file of prices that take precedence over the built-in ones, as quarry prices --refresh writes it",
			func(s *Settings) *string { return &s.Prices }),
		flag("near-duplicates", "list documents that are nearly the same as an earlier one in near-duplicates.jsonl",
			func(s *Settings) *bool { return &s.NearDuplicates }),
		fraction("near-threshold", "0.85", "share of text that a document must have in common with an earlier one to be a near duplicate",
			func(s *Settings) *float64 { return &s.NearThreshold }),
		flag("reuse-near-duplicates", "do not send near duplicates: copy the answer of the earlier document",
			func(s *Settings) *bool { return &s.ReuseNear }),
		flag("rescue", "same as --below-minimum ondemand", func(s *Settings) *bool { return &s.Rescue }),
		choice("below-minimum", "ACTION", "", "too few records for a batch job: hold (send them with a later run), ondemand or "+
			"stop; default: stop on a run's first pass, then hold",
			[]string{"", "hold", "ondemand", "stop"}, func(s *Settings) *string { return &s.BelowMinimum }),
		flag("yes", "answer yes to every question", func(s *Settings) *bool { return &s.Yes }),
		flag("keep-shards", "keep the input files of collected jobs", func(s *Settings) *bool { return &s.KeepShards }),
		regions("region", "REGION", "", "AWS Region, or several separated by commas; default: the Region of the AWS configuration, "+
			"else us-west-2",
			func(s *Settings) *[]string { return &s.Regions }),
		text("profile", "NAME", "", "profile of the AWS configuration", func(s *Settings) *string { return &s.Profile }),
		text("bucket", "NAME", "", "S3 bucket; default: quarry-<account>-<region>", func(s *Settings) *string { return &s.Bucket }),
		text("role", "ROLE", "quarry-batch", "service role of the jobs, as a name or ARN", func(s *Settings) *string { return &s.Role }),
		text("kms-key", "ARN", "", "KMS key that encrypts the output", func(s *Settings) *string { return &s.KMSKey }),
		amount("job-timeout", "HOURS", "0", "hours after which AWS ends an unfinished job, 24 to 168; 0 = AWS's default",
			jobTimeout, func(s *Settings) *int { return &s.JobTimeout }),
		ids("vpc-subnets", "subnets of the VPC through which jobs reach S3; needs --vpc-security-groups", 16,
			func(s *Settings) *[]string { return &s.VPCSubnets }),
		ids("vpc-security-groups", "security groups of the VPC through which jobs reach S3; needs --vpc-subnets",
			5, func(s *Settings) *[]string { return &s.VPCSecurityGroups }),
		parsed("bucket-owner", "ACCOUNT", "", "account that owns the bucket, if it is another account", bucketOwner,
			func(s *Settings) *string { return &s.BucketOwner }),
		number("expire-days", "30", "days until S3 deletes what a run left in the bucket; 0 = never",
			func(s *Settings) *int { return &s.ExpireDays }),
		pairs("tag", "KEY=VALUE", "tag of every job (repeatable)", func(s *Settings) *map[string]string { return &s.Tags }),
		text("from", "TYPE", "", "type of the sources; default: detected from the content, then from the name",
			func(s *Settings) *string { return &s.From }),
		choice("as", "KIND", "auto", "what a text is: body (of an article), page (a whole web page) or auto",
			[]string{"body", "page", "auto"}, func(s *Settings) *string { return &s.As }),
		choice("body-format", "FORMAT", "auto", "format of every body: html, markdown, text, page, or auto (as the source says, else detected)",
			[]string{"auto", "html", "markdown", "text", "page"}, func(s *Settings) *string { return &s.BodyFormat }),
		offer(pairs("field", "KEY=PATH", "map a field of the source: KEY is id, title, body, url, lang, format or updated (repeatable)",
			func(s *Settings) *map[string]string { return &s.Fields }),
			"id=", "title=", "body=", "url=", "lang=", "format=", "updated="),
		list("where", "FIELD=VALUE", "", "keep only items with this value (repeatable)", func(s *Settings) *[]string { return &s.Where }),
		text("query", "SELECT", "", "SELECT to run on a database source; its columns become fields; default: read a table",
			func(s *Settings) *string { return &s.Query }),
		text("source-key-env", "VAR", "", "environment variable with the secret of a source: a database password, or USER:PASSWORD "+
			"of a web site",
			func(s *Settings) *string { return &s.SourceKey }),
		number64("max-item-mib", "32", "size of the largest item that is read, in MiB", func(s *Settings) *int64 { return &s.MaxItemMiB }),
		offer(list("backend", "BACKEND", "extractive", "model of the stand-in: extractive, echo, openai=URL or anthropic=URL (repeatable)",
			func(s *Settings) *[]string { return &s.Backends }),
			"extractive", "echo", "openai=", "anthropic="),
		text("backend-model", "NAME", "", "name of the model at the back end", func(s *Settings) *string { return &s.BackendName }),
		span("backend-wait", "0", "how long to wait for a back end that cannot be reached, such as 5m: at the start (0 = fail at "+
			"once) and later (0 = one minute)",
			func(s *Settings) *time.Duration { return &s.BackendWait }),
		text("backend-key-env", "VAR", "", "environment variable with the key of the back end",
			func(s *Settings) *string { return &s.BackendKey }),
		choice("cache", "WHEN", "auto", "prompt caching of on-demand calls: auto (if the prompt is long enough for the model and "+
			"caching saves money) or off",
			[]string{"auto", "off"}, func(s *Settings) *string { return &s.Cache }),
		number("concurrency", "0", "at most N calls at once; 0 = as quotas and latency allow, up to 512, and 64 in the stand-in",
			func(s *Settings) *int { return &s.Concurrency }),
		number("workers", "0", "workers that prepare and parse; 0 = one per core", func(s *Settings) *int { return &s.Workers }),
	}
})
