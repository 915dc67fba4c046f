package main

import (
	"bytes"
	"encoding/json"
	"path"
	"path/filepath"
	"regexp"
)

// The mask is everything that may differ between two runs of one build. Add to it only what differs so.
var (
	drawn = []struct {
		what *regexp.Regexp
		as   string
	}{
		{regexp.MustCompile(`arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:[0-9]*:[A-Za-z0-9/_.:-]+`), "ARN"},
		{regexp.MustCompile(`quarry-[a-z0-9]{10}-`), "quarry-RUN-"},
		{regexp.MustCompile(`quarry/[a-z0-9]{10}/`), "quarry/RUN/"},
		{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`), "TIME"},
		{regexp.MustCompile(`("job":)"[a-z0-9]{12}"`), `$1"JOB"`},
	}
	// textForPeople are members, in results and report.json, that people read and no script relies on.
	textForPeople = map[string]bool{"message": true, "hint": true, "notes": true, "says": true, "why": true}
	// times and rates of report.json.
	measured = map[string]bool{
		"run": true, "version": true, "generated": true, "time": true, "throughput_per_min": true, "submitted": true, "ended": true, "began": true,
		"price_date": true, "prep_s": true, "upload_s": true, "provider_s": true, "collect_s": true, "total_s": true, "time_s": true, "from": true,
	}
)

func masked(name string, text []byte) ([]byte, error) {
	if path.Base(filepath.ToSlash(name)) == "answered" { // its header says when it was written
		return text, nil
	}
	for _, d := range drawn {
		text = d.what.ReplaceAll(text, []byte(d.as))
	}
	switch filepath.Ext(name) {
	case ".json":
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			return nil, err
		}
		blank(v, true)
		return json.MarshalIndent(v, "", " ")
	case ".jsonl":
		return lines(text)
	}
	return text, nil
}

// lines masks results and failures line by line; every other line of JSON stays as it is.
func lines(text []byte) ([]byte, error) {
	if !bytes.Contains(text, []byte(`"message":`)) {
		return text, nil
	}
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		if !bytes.Contains(line, []byte(`"message":`)) || !bytes.Contains(line, []byte(`"status":`)) {
			out.Write(line)
			continue
		}
		var v any
		if err := json.Unmarshal(line, &v); err != nil {
			return nil, err
		}
		blank(v, false)
		b, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		out.Write(append(b, '\n'))
	}
	return out.Bytes(), nil
}

func blank(v any, report bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if textForPeople[name] || report && measured[name] {
				v[name] = "MASKED"
				continue
			}
			blank(member, report)
		}
	case []any:
		for _, member := range v {
			blank(member, report)
		}
	}
}
