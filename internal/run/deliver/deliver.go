// Package deliver writes what people and programs read of a pass: results.jsonl, failed.jsonl and the report.
//
// It owns these files in the run's directory, and which pass they are of. It does not own the form of a result or of the report, and it
// changes no row. What always holds: the files are those of the last finished pass until a later pass writes its own; before the first
// such change the report of the finished pass is kept; if the later pass is dropped or given up, the files of the finished one are
// written again.
package deliver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/outcome/report"
	"quarry/internal/run/book"
	"quarry/internal/run/index"
	"quarry/internal/run/results"
)

// Files are the delivered files of a run.
type Files struct {
	Effects *effect.Effects
	Dir     string // of the run
	Book    *book.Book
}

// reports are the names of the report's files, in the run's directory and where a finished pass keeps them.
var reports = []string{"report.json", "report.html"}

// SetAside notes that the delivered files are not those of the finished pass any more, and keeps its report. It comes before the first
// such change by pass; results are kept with each finished pass anyway.
func (f *Files) SetAside(ctx context.Context, pass int) error {
	head, err := f.Book.Head(ctx)
	if err != nil || head.Finished == 0 || head.Finished == pass || head.SetAside {
		return err
	}
	for _, name := range reports {
		if err := f.copy(filepath.Join(f.Dir, name), f.index(head.Finished).Path(name)); err != nil {
			return fmt.Errorf("keep the report of pass %d: %w", head.Finished, err)
		}
	}
	return f.Book.Change(ctx, pass, func(h *book.Head, _ *book.Pass) { h.SetAside = true })
}

// Restore delivers the finished pass again, where another pass has written its own files and will not complete them.
func (f *Files) Restore(ctx context.Context) error {
	head, err := f.Book.Head(ctx)
	if err != nil || !head.SetAside {
		return err
	}
	if err := results.Restore(f.Effects, f.Dir, f.index(head.Finished)); err != nil {
		return err
	}
	for _, name := range reports {
		if err := f.copy(f.index(head.Finished).Path(name), filepath.Join(f.Dir, name)); err != nil {
			return fmt.Errorf("deliver the report of pass %d: %w", head.Finished, err)
		}
	}
	return f.Book.Change(ctx, head.Pass, func(h *book.Head, _ *book.Pass) { h.SetAside = false })
}

// Again delivers the results of a finished pass as they were when it ended.
func (f *Files) Again(pass int) error { return results.Restore(f.Effects, f.Dir, f.index(pass)) }

// Report reads the delivered report.
func (f *Files) Report() (rep report.Report, err error) {
	b, err := os.ReadFile(filepath.Join(f.Dir, reports[0]))
	if err != nil {
		return rep, err
	}
	return rep, json.Unmarshal(b, &rep)
}

// WriteReport writes report.json and report.html.
func (f *Files) WriteReport(rep *report.Report) error {
	var b bytes.Buffer
	for i, format := range []func(*bytes.Buffer) error{
		func(b *bytes.Buffer) error { return report.JSON(b, rep) },
		func(b *bytes.Buffer) error { return report.HTML(b, rep) },
	} {
		b.Reset()
		if err := format(&b); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
		if err := atomicfile.Write(f.Effects, filepath.Join(f.Dir, reports[i]), b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func (f *Files) index(pass int) index.Pass { return index.Of(f.Effects, f.Dir, pass) }

// copy copies a file if it is there: a user may have removed a report.
func (f *Files) copy(from, to string) error {
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return f.Effects.Copy(from, to)
}
