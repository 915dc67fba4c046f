// Package resultline is the form of one result as JSON: a line of results.jsonl, and the member result of a journal's line.
//
// It owns the spelling that encoding/json gives [quarry.Result], written and read without reflection, since a run writes each result three
// times and reads it twice. It decides nothing about a result and opens no file. What always holds: what it appends is, byte for byte, what
// encoding/json writes; what it reads, encoding/json reads with the same values; unlike encoding/json, it refuses a name that comes
// twice and text that is not UTF-8.
package resultline

import (
	"encoding/json"
	"strconv"

	"quarry"
	"quarry/internal/base/jsonl"
)

// Append appends a result. Output, ModelOutput and the fields of the document are JSON that was checked when it was read; white space
// between its parts is left out.
func Append(dst []byte, r *quarry.Result) ([]byte, error) {
	dst = jsonl.AppendQuoted(append(dst, `{"id":`...), r.ID)
	dst = text(dst, `,"status":`, r.Status)
	if len(r.Output) > 0 {
		dst = jsonl.AppendCompact(append(dst, `,"output":`...), r.Output)
	}
	dst = given(dst, `,"text":`, r.Text)
	dst = given(dst, `,"stop_reason":`, r.StopReason)
	dst = given(dst, `,"model":`, r.Model)
	dst = given(dst, `,"requested_model":`, r.RequestedModel)
	dst = given(dst, `,"region":`, r.Region)
	dst = given(dst, `,"mode":`, r.Mode)
	if r.Parts != 0 {
		dst = number(dst, `,"parts":`, r.Parts)
	}
	dst = number(dst, `,"attempts":`, r.Attempts)
	dst = r.Usage.AppendJSON(append(dst, `,"usage":`...))
	dst = append(dst, `,"cost_usd":`...)
	if r.CostUSD == nil {
		dst = append(dst, "null"...)
	} else {
		dst = r.CostUSD.AppendJSON(dst)
	}
	dst = given(dst, `,"job":`, r.Job)
	dst = given(dst, `,"record_id":`, r.RecordID)
	if r.Salvaged {
		dst = append(dst, `,"salvaged":true`...)
	}
	dst = given(dst, `,"same_as":`, r.SameAs)
	if r.Similarity != 0 {
		similarity, err := json.Marshal(r.Similarity)
		if err != nil {
			return dst, err
		}
		dst = append(append(dst, `,"similarity":`...), similarity...)
	}
	dst = AppendDocument(append(dst, `,"document":`...), &r.Document)
	if len(r.ModelOutput) > 0 {
		dst = jsonl.AppendCompact(append(dst, `,"model_output":`...), r.ModelOutput)
	}
	if r.Error != nil {
		dst = text(append(dst, `,"error":{`...), `"kind":`, r.Error.Kind)
		dst = append(text(dst, `,"message":`, r.Error.Message), '}')
	}
	dst = given(dst, `,"corrected_by":`, r.CorrectedBy)
	dst = given(dst, `,"corrected_at":`, r.CorrectedAt)
	return append(dst, '}'), nil
}

// AppendDocument appends what a result keeps of its document.
func AppendDocument(dst []byte, d *quarry.DocumentInfo) []byte {
	dst = append(dst, '{')
	open := len(dst)
	dst = given(dst, `,"title":`, d.Title)
	dst = given(dst, `,"url":`, d.URL)
	dst = given(dst, `,"lang":`, d.Lang)
	for name, value := range jsonl.Members(d.Fields) {
		switch {
		case d.Title != "" && jsonl.NameIs(name, "title"), d.URL != "" && jsonl.NameIs(name, "url"), d.Lang != "" && jsonl.NameIs(name, "lang"):
			continue // the document's own outweighs it
		}
		dst = jsonl.AppendQuoted(append(dst, ','), jsonl.Unescape(nil, name))
		dst = jsonl.AppendCompact(append(dst, ':'), value)
	}
	if len(dst) > open {
		dst = append(dst[:open], dst[open+1:]...) // the first comma
	}
	return append(dst, '}')
}

func text[S ~string](dst []byte, name string, value S) []byte {
	return jsonl.AppendQuoted(append(dst, name...), value)
}

// given is text, for a member that is left out where it is empty.
func given[S ~string](dst []byte, name string, value S) []byte {
	if value == "" {
		return dst
	}
	return text(dst, name, value)
}

func number(dst []byte, name string, n int) []byte {
	return strconv.AppendInt(append(dst, name...), int64(n), 10)
}
