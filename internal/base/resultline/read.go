package resultline

import (
	"encoding/json"

	"quarry"
	"quarry/internal/base/jsonl"
)

// Reader reads results, and keeps its memory from one to the next. The zero value is ready. One goroutine at a time.
type Reader struct {
	check  jsonl.Checker
	values jsonl.Values
}

// Read reads one line. The result shares no memory with it.
func (r *Reader) Read(line []byte, to *quarry.Result) error {
	if _, err := r.check.Object(line); err != nil {
		return err
	}
	Into(&r.check, &r.values, line, to)
	return r.values.Err()
}

// Into reads a result that is a part of the line that the checker has checked last. What does not fit is kept as an error of values.
func Into(c *jsonl.Checker, v *jsonl.Values, value []byte, to *quarry.Result) {
	if !v.Object(value) {
		return
	}
	for name, value := range c.Members(value) {
		switch string(name) {
		case "id":
			jsonl.Text(v, value, &to.ID)
		case "status":
			jsonl.Word(v, value, &to.Status)
		case "output":
			v.Raw(value, (*[]byte)(&to.Output))
		case "text":
			jsonl.Text(v, value, &to.Text)
		case "stop_reason":
			jsonl.Word(v, value, &to.StopReason)
		case "model":
			jsonl.Word(v, value, &to.Model)
		case "requested_model":
			jsonl.Word(v, value, &to.RequestedModel)
		case "region":
			jsonl.Word(v, value, &to.Region)
		case "mode":
			jsonl.Word(v, value, &to.Mode)
		case "parts":
			jsonl.Int(v, value, &to.Parts)
		case "attempts":
			jsonl.Int(v, value, &to.Attempts)
		case "usage":
			usage(c, v, value, &to.Usage)
		case "cost_usd":
			to.CostUSD = nil
			if value[0] != 'n' {
				to.CostUSD = new(quarry.USD)
				v.Keep(to.CostUSD.UnmarshalJSON(value))
			}
		case "job":
			jsonl.Word(v, value, &to.Job)
		case "record_id":
			jsonl.Text(v, value, &to.RecordID)
		case "salvaged":
			v.Bool(value, &to.Salvaged)
		case "same_as":
			jsonl.Text(v, value, &to.SameAs)
		case "similarity":
			v.Keep(json.Unmarshal(value, &to.Similarity))
		case "document":
			Document(c, v, value, &to.Document)
		case "corrected_by":
			jsonl.Text(v, value, &to.CorrectedBy)
		case "corrected_at":
			jsonl.Text(v, value, &to.CorrectedAt)
		case "model_output":
			v.Raw(value, (*[]byte)(&to.ModelOutput))
		case "error":
			if v.Object(value) {
				to.Error = &quarry.ResultError{}
				for name, value := range c.Members(value) {
					switch string(name) {
					case "kind":
						jsonl.Word(v, value, &to.Error.Kind)
					case "message":
						jsonl.Text(v, value, &to.Error.Message)
					}
				}
			}
		}
	}
}

func usage(c *jsonl.Checker, v *jsonl.Values, value []byte, to *quarry.Usage) {
	if !v.Object(value) {
		return
	}
	for name, value := range c.Members(value) {
		switch string(name) {
		case "input_tokens":
			jsonl.Int(v, value, &to.InputTokens)
		case "output_tokens":
			jsonl.Int(v, value, &to.OutputTokens)
		case "cache_read_tokens":
			jsonl.Int(v, value, &to.CacheReadTokens)
		case "cache_write_tokens":
			jsonl.Int(v, value, &to.CacheWriteTokens)
		case "unknown":
			jsonl.Int(v, value, &to.Unknown)
		}
	}
}

// Document reads what a result keeps of its document. A member that is not the text of title, url or lang is one of its fields.
func Document(c *jsonl.Checker, v *jsonl.Values, value []byte, to *quarry.DocumentInfo) {
	*to = quarry.DocumentInfo{}
	if !v.Object(value) {
		return
	}
	var rest []byte
	for name, value := range c.Members(value) {
		isText := value[0] == '"'
		switch {
		case isText && jsonl.NameIs(name, "title"):
			jsonl.Text(v, value, &to.Title)
		case isText && jsonl.NameIs(name, "url"):
			jsonl.Text(v, value, &to.URL)
		case isText && jsonl.NameIs(name, "lang"):
			jsonl.Word(v, value, &to.Lang)
		default:
			if rest = append(rest, ','); len(rest) == 1 {
				rest[0] = '{'
			}
			rest = jsonl.AppendQuoted(rest, jsonl.Unescape(nil, name))
			rest = append(append(rest, ':'), value...)
		}
	}
	if rest != nil {
		to.Fields = append(rest, '}')
	}
}
