package find

import "quarry"

// Query selects records. The zero value is the first page of all.
type Query struct {
	Text  string // words and phrases in quotation marks; each has to be in the title, the text or the answer
	In    Field  // where Text is searched; empty: everywhere
	Where Filter
	After int64 // the place of the row before the first one of the page; 0: from the beginning
	// Before is the place of the row after the last one of the page. It outweighs After. 0: not set.
	Before int64
	Limit  int // rows of a page; 0: 50
	// Uncounted leaves out Count and Facets, which take most of the time.
	Uncounted bool
}

// Field is a part of a record that is searched.
type Field string

// The fields.
const (
	Title  Field = "title"
	Text   Field = "text"
	Answer Field = "answer"
)

// NotGiven is the value of a facet for records that have none, such as the language of a document that does not say it.
const NotGiven = "-"

// Filter selects records by values. What is empty or nil selects all.
type Filter struct {
	Status   quarry.Status
	Class    string // the kind of the error, or the status where there is none
	Language string // as the document says it
	Pool     string // Region and model, as a facet gives them
	CostMin  *quarry.USD
	CostMax  *quarry.USD // a record whose cost is not known is within no bound
}

// Most is where counts end: what is more is "10,000+".
const Most = 10_000

// Count is how many records there are.
type Count struct {
	N    int64
	More bool // there are more than N, or there may be
}

// Facet is a value of records, and how many have it.
type Facet struct {
	Value string
	Count Count
}

// Facets are the values that records have, the most frequent first. Each counts the records that meet the query but for its own filter.
type Facets struct {
	Status, Class, Language, Pool []Facet
}

// Found is what a query found.
type Found struct {
	Orders []int64 // of the records of the page
	Count  Count   // of all records that meet the query
	Facets Facets
	// Earlier and Later say that there are records before the first and after the last one, as far as is known.
	Earlier, Later bool
	// Continue is set where the time was up before the page was full: the place to continue from, as After, or as Before if the query had it.
	Continue int64
	Ignored  []string // characters of the query that are not searched, since one alone begins too many words
}
