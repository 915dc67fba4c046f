// Package export turns a run's results into files that other programs read: jsonl, csv, tsv, xlsx, parquet, sqlite, jsonld and promptfoo.
//
// It owns the columns, the same in every format, and how each format writes them. It owns neither the results nor their
// order. What always holds: one row a result that meets Config.Where, in the order of the results; a file appears whole or not at all;
// unless Config.Columns names the columns, every member of every answer and every field of every document is in the file, in a column
// of its own or in the column for the rest; a value is never changed to fit (but for Config.RawFormulas), and what a format cannot
// hold is an error; memory follows the longest line and the number of columns, not the number of results.
//
// Two formats are no tables and hold only documents with a good answer: jsonld describes articles for search engines, promptfoo
// has test cases.
//
// The columns: id, status; the members of the answer, in the order of the schema and then of their first appearance;
// answer, where an answer is no object or has more members than get a column; text, title, url, lang; the document's
// other fields; document, where there are too many of those; model, requested_model, mode, attempts, input_tokens,
// output_tokens, cost_usd, job, error_kind, error_message; corrected_by and corrected_at, where people corrected answers.
package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/fields"
	"quarry/internal/base/jsonl"
)

// Errors that callers tell apart.
var (
	ErrFormat  = errors.New("unknown format")
	ErrNotOurs = errors.New("not a line of results.jsonl")
	// ErrColumns says that a result does not fit columns that were found in other results.
	ErrColumns = errors.New("the result does not fit the columns")
	// ErrPath says that no result has what a path of Config.Columns or Config.Where names.
	ErrPath = errors.New("no result has it")
	// ErrUnfit says that a format cannot hold a value, such as a long text in xlsx.
	ErrUnfit = errors.New("the format cannot hold it")
)

// Config says how results are written.
type Config struct {
	// Schema is the JSON Schema of the answers: its properties are columns, in its order, also where no result has them.
	// Empty: the columns are those that the results have.
	Schema json.RawMessage
	// Columns are the columns of the file. Default: all that the results have.
	Columns []Column
	// Where keeps some of the results. Nil: all.
	Where *fields.Filter
	// BOM begins a csv or tsv file with the mark by which spreadsheet programs tell UTF-8. Default: no mark.
	BOM bool
	// RawFormulas leaves each text of a csv, tsv or promptfoo file as it is. Default: a text of csv and tsv, other than an id, that
	// a spreadsheet program would take for a formula gets an apostrophe in front, one that begins with =, +, -, @, a tab or a
	// carriage return (https://owasp.org/www-community/attacks/CSV_Injection); so does one that has an apostrophe there already, and
	// the first one can always be removed. What promptfoo would take for a template or a file gets a space.
	RawFormulas bool
	// Table is the table of a sqlite file. Default: DefaultTable.
	Table string
}

func (c Config) table() string {
	if c.Table == "" {
		return DefaultTable
	}
	return c.Table
}

// Validate reports a setting that cannot be.
func (c Config) Validate() error {
	if err := CheckTable(c.table()); err != nil {
		return err
	}
	if len(c.Schema) == 0 {
		return nil
	}
	if err := jsonl.Check(c.Schema); err != nil {
		return fmt.Errorf("schema of the answers: %w", err)
	}
	return nil
}

// Row is one result, and the line of results.jsonl that it was read from.
type Row struct {
	*quarry.Result
	Line []byte
}

// Writer makes one file. It is for one goroutine, and spent after Close or Abort.
type Writer interface {
	// Write adds a row. It fails with ErrColumns where the result has what the columns have no place for.
	Write(ctx context.Context, r Row) error
	// Close makes the file appear, durably.
	Close(ctx context.Context) error
	// Abort throws away what was written; after Close it does nothing.
	Abort()
}

// Formats gives the names of the formats.
func Formats() []string {
	return []string{"jsonl", "csv", "tsv", "xlsx", "parquet", "sqlite", "jsonld", "promptfoo"}
}

// answersOnly reports whether a format holds only documents with a good answer.
func answersOnly(format string) bool { return format == "jsonld" || format == "promptfoo" }

// Known reports whether there is a format of that name.
func Known(format string) bool { return slices.Contains(Formats(), format) }

// Create begins a file of a format. Nothing is at path until Close. It fails with ErrFormat where the format is none.
func Create(ctx context.Context, e *effect.Effects, format, path string, columns *Columns, cfg Config) (Writer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	switch format {
	case "jsonl":
		return createJSONL(e, path, columns)
	case "csv":
		return createCSV(e, path, columns, cfg, ',')
	case "tsv":
		return createCSV(e, path, columns, cfg, '\t')
	case "xlsx":
		return createXLSX(e, path, columns)
	case "jsonld":
		return createJSONLD(e, path, columns)
	case "promptfoo":
		return createPromptfoo(e, path, columns, cfg)
	case "parquet":
		return createParquet(e, path, columns)
	case "sqlite":
		return createSQLite(ctx, e, path, columns, cfg)
	}
	return nil, fmt.Errorf("format %q: %w; want one of %s", format, ErrFormat, strings.Join(Formats(), ", "))
}
