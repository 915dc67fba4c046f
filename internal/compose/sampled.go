package compose

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/config"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/prompt"
	"quarry/internal/prepare/source"
)

// CheckDocuments refuses a prompt that can be made of none of the first documents, before all of them are named one by
// one: a field that none has, or a template that fails for each in the same way. A document that it can be made of ends
// the check, so that as a rule one is read. Sources that are not on this machine's disk are read once, by the run.
func (pr *Program) CheckDocuments(ctx context.Context, s *config.Settings, req *Request, args []string) error {
	if len(args) == 0 || !local(args) {
		return nil
	}
	cfg, err := pr.sourceConfig(s, effect.New(nil), false)
	if err != nil {
		return err
	}
	sources, err := source.Open(ctx, args, cfg)
	if err != nil {
		return nil // the run names it
	}
	t := trial{req: req, cleaner: clean.New(req.Clean), names: map[string]int64{}}
	limit := int64(inspectSample)
	if s.Limit > 0 {
		limit = min(limit, s.Limit)
	}
	for _, src := range sources {
		if t.source(ctx, src, limit) {
			break
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return t.verdict(args)
}

// trial makes prompts of documents until one can be made.
type trial struct {
	req     *Request
	cleaner *clean.Cleaner
	made    bool  // of one document at least
	n       int64 // documents of which none can be made
	faults  []tried
	names   map[string]int64 // how many documents have each field, by its dotted path
}

// tried is a fault with the setting whose prompt has it.
type tried struct {
	setting string
	*prompt.Fault
}

// source tries the documents of one source; done ends the trial. What cannot be read is the run's to name.
func (t *trial) source(ctx context.Context, src source.Source, limit int64) (done bool) {
	for block, err := range src.Blocks(ctx, quarry.Position{}) {
		if err != nil {
			return true
		}
		for doc, err := range block.Documents {
			if err != nil {
				continue
			}
			t.document(&doc)
			if t.made || t.n >= limit {
				return true
			}
		}
		if block.Free != nil {
			block.Free()
		}
	}
	return false
}

func (t *trial) document(doc *quarry.Document) {
	if doc.ModelInput != nil {
		t.made = true
		return
	}
	text, err := t.cleaner.Clean(doc)
	if err != nil || len(text.Text) == 0 {
		return
	}
	text.Describe(doc)
	doc.Body, doc.Valid, doc.Format = text.Text, true, quarry.FormatText
	err = t.render("prompt.user", t.req.Renderer, doc)
	if err == nil && t.req.Long != nil {
		doc.Part, doc.Parts = 1, 2
		if err = t.render("prompt.part_user", t.req.Long.Part, doc); err == nil {
			doc.Part = 0
			err = t.render("prompt.merge_user", t.req.Long.Merge, doc)
		}
	}
	if err == nil {
		t.made = true
		return
	}
	t.n++
	t.count(doc.Fields)
}

func (t *trial) render(setting string, r *prompt.Renderer, doc *quarry.Document) error {
	_, err := r.Append(nil, doc)
	var f *prompt.Fault
	if errors.As(err, &f) {
		same := func(other tried) bool { return other.Field == f.Field && other.Reason == f.Reason }
		if !slices.ContainsFunc(t.faults, same) {
			t.faults = append(t.faults, tried{setting, f})
		}
	}
	return err
}

// count notes the fields of a document that have a value.
func (t *trial) count(fields []byte) {
	d := json.NewDecoder(bytes.NewReader(fields))
	d.UseNumber()
	var members map[string]any
	if len(fields) > 0 && d.Decode(&members) == nil {
		t.members("", members, 1)
	}
}

func (t *trial) members(prefix string, members map[string]any, depth int) {
	for name, value := range members {
		if value == nil {
			continue
		}
		t.names[prefix+name]++
		if inner, ok := value.(map[string]any); ok && depth < maxDepth {
			t.members(prefix+name+".", inner, depth+1)
		}
	}
}

const (
	maxDepth  = 8  // of the objects whose fields are named
	maxFields = 12 // that one message names
)

// verdict is the error about a field that no document has, or about the one fault that all have.
func (t *trial) verdict(args []string) error {
	if t.made || len(t.faults) == 0 {
		return nil
	}
	for _, f := range t.faults {
		if f.Field == "" || t.names[f.Field] > 0 {
			continue
		}
		names := t.byCount()
		near := ""
		if guess := didYouMean(f.Field, names); guess != "" {
			near = strings.ReplaceAll(guess, `"`, "")
		} else if parent, _, ok := cutLast(f.Field); ok && t.names[parent] > 0 {
			near = "; " + parent + " is not an object: use .Fields." + parent
		}
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "use setting", Subject: f.setting,
			Err:  fmt.Errorf("none of the first %s has .Fields.%s%s", figure.Count(t.n, "document"), f.Field, near),
			Hint: t.available(names) + "; all of them: quarry inspect " + strings.Join(args, " "),
		}
	}
	if len(t.faults) > 1 || t.faults[0].Field != "" {
		return nil // it differs from document to document
	}
	f := t.faults[0]
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "use setting", Subject: f.setting,
		Err:  fmt.Errorf("the template fails for the first %s: %s", figure.Count(t.n, "document"), f.Reason),
		Hint: "change the template so that it works for every document; quarry inspect " + strings.Join(args, " ") + " shows their contents",
	}
}

func cutLast(path string) (before, after string, ok bool) {
	at := strings.LastIndexByte(path, '.')
	if at < 0 {
		return "", path, false
	}
	return path[:at], path[at+1:], true
}

// byCount gives the fields' paths, those first that most documents have.
func (t *trial) byCount() []string {
	return slices.SortedFunc(maps.Keys(t.names), func(a, b string) int {
		if t.names[a] != t.names[b] {
			return int(t.names[b] - t.names[a])
		}
		return strings.Compare(a, b)
	})
}

func (t *trial) available(names []string) string {
	if len(names) == 0 {
		return "the documents have no extra fields; the fields of a document are ." + strings.Join(prompt.Fields(), " .")
	}
	var parts []string
	for i, name := range names {
		if i == maxFields {
			parts = append(parts, fmt.Sprintf("and %d more", len(names)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", name, figure.Thousands(t.names[name])))
	}
	return "available fields: " + strings.Join(parts, ", ")
}
