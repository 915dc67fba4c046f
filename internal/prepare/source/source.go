// Package source reads collections of documents: it tells what kind of thing an argument names and gives its items in
// blocks that can be worked on apart from one another.
//
// It owns the kinds and how they are recognized. Each connector has a folder of its own; what an item's members mean is
// package item's, files and their packing are package stream's. It cleans nothing and writes nothing.
//
// What always holds: the same source gives the same items in the same order; a block's First resumes there; an item
// that cannot be read is named with its place and the items after it are read; memory follows the largest item, not
// the source.
package source

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/note"
	"quarry/internal/prepare/source/s3"
)

// Source is a collection of documents in a fixed order.
type Source interface {
	// Name is the source as people know it: a path, a URL, "stdin".
	Name() string
	// Blocks gives the source's items in order from a position that an earlier block of the same source had as First;
	// the zero position is the beginning. One goroutine ranges over the blocks; each block's Documents may then be
	// read on any goroutine, several blocks at once. An error ends the sequence: it is about the source, never about
	// one item. Everything that was opened is closed when the range ends.
	Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error]
}

// Blocks reads sources one after the other, from a position that an earlier block had as First.
func Blocks(ctx context.Context, sources []Source, from quarry.Position) iter.Seq2[quarry.Block, error] {
	return func(yield func(quarry.Block, error) bool) {
		for i := from.Source; i < len(sources); i++ {
			at := quarry.Position{}
			if i == from.Source {
				at = from
			}
			for b, err := range sources[i].Blocks(ctx, at) {
				b.First.Source = i
				if !yield(b, err) || err != nil {
					return
				}
			}
		}
	}
}

// noted is a source that says in one line for each rule what it passed over or changed.
type noted struct {
	Source
	book *note.Book
}

// Notes gives what was counted while the sources that were opened together were read, and ends the counting. Empty where
// nothing was, or no one asked.
func Notes(s Source) []string {
	if n, ok := s.(noted); ok {
		return n.book.Take()
	}
	return nil
}

// LeftOut counts the items that the sources that were opened together leave out by a rule, unless a condition asks for them. It
// is called before Notes.
func LeftOut(s Source) int64 {
	if n, ok := s.(noted); ok {
		return n.book.LeftOut()
	}
	return 0
}

// Condition is one FIELD=VALUE that an item has to meet.
type Condition = item.Condition

// Keys says where in an item each part of a document is.
type Keys = item.Keys

// ParseCondition reads FIELD=VALUE.
func ParseCondition(s string) (Condition, error) { return item.ParseCondition(s) }

// Config is how sources are read. The zero value reads what can be known by itself.
type Config struct {
	// Fields names the members of a document's parts: id, title, body, url, lang, format → dotted path
	// (`fields.body.en-US`), and updated, the column of a database with the time of a row's last change. What is not named is found by the names in common use.
	Fields map[string]string
	// From is the kind of all sources; empty means detected by content, then by extension.
	From string
	// MaxItemBytes is the largest item that is read; 0 means 32 MiB. A larger one is named and not held.
	MaxItemBytes int64
	// Where keeps the items that meet all conditions; of several on one field any is enough. Empty keeps all.
	Where []Condition
	// Records says that the sources are files of ready Bedrock records, a recordId and a modelInput each line.
	Records bool
	// HTTP is the client for sources on the web; nil means http.DefaultClient.
	HTTP *http.Client
	// Secret opens a source: the password of a database; of a web site USER:PASSWORD, or the whole value of the header
	// Authorization. It is sent to one host alone, so no more than one source may want it. Empty sends none.
	Secret string
	// Query runs on the databases among the sources, and only on them; empty reads a table.
	Query string
	// Store gives the objects of a bucket; nil means that none can be read.
	Store func(ctx context.Context, bucket string) (s3.Store, error)
	// Notes counts what sources pass over or change by a rule; nil: not counted.
	Notes *note.Book
	// Skip are folders that are not read where they are inside of a source: those that the command writes into.
	Skip []string
	// Stdin is what the argument "-" reads; nil means that there is none.
	Stdin io.Reader
	// Observe, where it is not nil, gets each item of JSON members before any condition is applied (see item.Config). Text
	// files have no members and are not observed.
	Observe func(keys *Keys, item []byte)
	// Filtered, where it is not nil, is called for each text file that a condition leaves out (see item.Config).
	Filtered func()
}

// Validate reports the first setting that cannot be.
func (c Config) Validate() error {
	if c.From != "" && !slices.Contains(Kinds(), c.From) {
		return fmt.Errorf("type %q: want one of %s", c.From, strings.Join(Kinds(), "|"))
	}
	if c.Records && c.From != "" && c.From != "jsonl" {
		return fmt.Errorf("type %q: ready records are jsonl", c.From)
	}
	return c.items().Validate()
}

// The kinds that are no files of one kind of item.
const (
	wordpressKind = "wordpress"
	ghostKind     = "ghost" // a file too
	sqliteKind    = "sqlite"
	postgresKind  = "postgres"
	mysqlKind     = "mysql"
	s3Kind        = "s3"
)

func (c Config) items() item.Config {
	return item.Config{Fields: c.Fields, Where: c.Where, MaxBytes: c.MaxItemBytes, Records: c.Records, Observe: c.Observe, Filtered: c.Filtered, Notes: c.Notes}
}
