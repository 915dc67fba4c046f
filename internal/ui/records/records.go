// Package records finds and shows the records of one run: by their text, by how they ended, and one by one.
//
// It owns what goes from the run's files into the index of package find, which may be removed at any time and is made again, and what a page
// shows of a record. It reads the run as quarry status does, while a process works on it; it takes no lock of the run and changes none of
// its files. It does not own the pages. What always holds: rows come in the order of the documents; a query ends within a fixed time and
// says so if it did not look at everything; memory does not grow with the number of documents; a damaged index is made again.
package records

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/ui/find"
)

// Config says which run is read, and how.
type Config struct {
	Dir string // of the run
	// Pass is the pass whose records are shown. 0: the last one with answers; another one as soon as a later pass has answers.
	Pass int
	// Sources reads the documents again, for the search in their texts and for the page of a record. nil: they are not read.
	Sources *Sources
	Effects *effect.Effects // nil: without a hook
	// Ledger opens the run's ledger to read it, once the files of Dir are as new as it. nil: it is in Dir, and so are all files.
	Ledger func(ctx context.Context) (*ledger.Ledger, error)
	// Fetch brings what is below a path in Dir, where Ledger does not bring it: raw output. nil: it is there.
	Fetch func(ctx context.Context, path string) error
	// Within is how long a query looks for rows, and then again how long it counts. 0: 40 ms.
	Within time.Duration
}

// Store is the index of one run. Safe for concurrent use, also by several processes.
type Store struct {
	cfg     Config
	effects *effect.Effects

	files    sync.RWMutex // held for writing while the databases are opened again
	db       *find.Index
	updating sync.Mutex
	broken   atomic.Bool // a query found the index damaged
	tried    atomic.Bool // texts were read: what has none now gets none by reading them once more

	mu       sync.Mutex
	progress Progress
	planned  int64 // orders of the pass
	notKept  string
}

// Progress is how far the index of a pass is made. The zero value: there is nothing to index yet.
type Progress struct {
	Pass     int
	Done     int64 // documents in the index
	Total    int64 // documents of the pass
	Complete bool  // every result of the pass is in the index, and the pass has ended
	Live     bool  // the pass is under way: results are those that have come so far
	// Texts is how many documents' texts are searched: of those whose text in the sources is what was sent.
	Texts int64
	// NotKept says why texts that were to be read are not searched; empty: nothing is known of that.
	NotKept string
}

type (
	// Query is what is looked for, and which page of it.
	Query = find.Query
	// Field is a part of a record that is searched.
	Field = find.Field
	// Filter is values that records have to have.
	Filter = find.Filter
	// Count is a number of records, exact up to a limit.
	Count = find.Count
	// Facet is a value and how many records have it.
	Facet = find.Facet
	// Facets is the values of the properties of all records that were found.
	Facets = find.Facets
)

// The fields that are searched, the value of records that have none, and where counts end.
const (
	Title    = find.Title
	Text     = find.Text
	Answer   = find.Answer
	NotGiven = find.NotGiven
	Most     = find.Most
)

// File is the name of the index in the run's directory.
const File = find.File

// Page is what a query found.
type Page struct {
	Rows   []Row
	Count  Count // of all records that meet the query
	Facets Facets
	// Earlier and Later say that there are rows before the first and after the last one, as far as is known.
	Earlier, Later bool
	// Continue is set where the time was up before the page was full: the place to continue from, as After, or as Before if the query had it.
	Continue int64
	Ignored  []string // characters of the query that are not searched, since one alone begins too many words
	Progress Progress
}

// Row is one record in a list.
type Row struct {
	Place    int64 // of the document in the sources, from 1
	ID       quarry.DocumentID
	Title    string
	URL      string
	Status   quarry.Status
	Class    string
	Language string
	Pool     string
	Answer   string      // the beginning of it, or of the error's message
	Cost     *quarry.USD // nil: not known
	// RecordID is that of the answer; empty: it does not say which text it answers.
	RecordID quarry.RecordID
	// Corrected says that a person replaced the answer. It is set by who knows of corrections.
	Corrected bool
}

// Progress tells how far the index is made.
func (s *Store) Progress() Progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.progress
}
