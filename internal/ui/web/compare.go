package web

import (
	"net/http"
	"strconv"
	"strings"

	"quarry"
	"quarry/internal/base/shown"
	"quarry/internal/outcome/report"
	"quarry/internal/ui/records"
)

// compareView is the page of two runs, or two passes of one, side by side.
type compareView struct {
	Asked         *asked
	Address, Hint string
	Again         int
	Others        []choice // passes of this run, and other runs
	All           bool     // also answers that are the same
	A, B          string   // their names; B is empty while none is chosen
	Count         string
	Pairs         []pairView
	Later, None   string
	Passes        []choice
}

type pairView struct {
	ID, Title      string
	A, B           string // addresses; B is empty where the other does not have the document
	StateA, StateB string
	MoodA, MoodB   string
	Same           bool
	Fields         []fieldView
}

type fieldView struct {
	Name, Lang string
	Same       bool
	A, B       []span
}

// other is what a run is compared with: RUN or RUN:PASS in an address.
type other struct {
	run  Run
	pass int
}

func (s *Server) comparePage(r *http.Request) (*page, error) {
	run, err := s.find(r.Context(), r.PathValue("run"))
	if err != nil {
		return nil, err
	}
	a, err := newAsked(r)
	if err != nil {
		return nil, err
	}
	a.With, a.All = r.URL.Query().Get("with"), r.URL.Query().Get("all")
	first, done, err := s.stores.get(r.Context(), run.Dir, a.Pass)
	if err != nil {
		return nil, err
	}
	defer done()
	v := &compareView{Asked: a, Address: run.address() + "compare", A: shown.Line(run.Name, 300), All: a.All != ""}
	if err := s.others(r, &run, first, v); err != nil {
		return nil, err
	}
	if a.With != "" {
		with, err := s.with(r, a.With)
		if err != nil {
			return nil, err
		}
		second, done, err := s.stores.get(r.Context(), with.run.Dir, with.pass)
		if err != nil {
			return nil, err
		}
		defer done()
		found, err := records.Compare(r.Context(), first, second, a.query(), !v.All)
		if err != nil {
			return nil, err
		}
		v.fill(&run, with, a, &found)
	}
	return run.page("compare", "Compare", v, v.Again), nil
}

// with reads RUN or RUN:PASS.
func (s *Server) with(r *http.Request, text string) (*other, error) {
	id, number, _ := strings.Cut(text, ":")
	run, err := s.find(r.Context(), id)
	if err != nil {
		return nil, err
	}
	o := &other{run: run}
	if number != "" {
		if o.pass, err = strconv.Atoi(number); err != nil || o.pass < 0 {
			return nil, errNoPage
		}
	}
	return o, nil
}

// others offers the other passes of the run, and all other runs.
func (s *Server) others(r *http.Request, run *Run, store *records.Store, v *compareView) error {
	passes, err := store.Passes(r.Context())
	if err != nil {
		return err
	}
	now := store.Progress().Pass
	if len(passes) > 1 {
		for _, n := range passes {
			number := strconv.Itoa(n)
			v.Passes = append(v.Passes, choice{Value: number, Text: "pass " + number, Chosen: n == now})
			if n != now {
				v.offer(run.ID+":"+number, "pass "+number+" of this run")
			}
		}
		v.A += ", pass " + strconv.Itoa(now)
	}
	runs, _, err := s.list(r.Context())
	if err != nil {
		return err
	}
	for i := range runs {
		if runs[i].ID != run.ID {
			v.offer(runs[i].ID, runs[i].Name)
		}
	}
	return nil
}

func (v *compareView) offer(value, text string) {
	c := choice{Value: value, Text: shown.Line(text, 300), Chosen: value == v.Asked.With}
	if v.Others = append(v.Others, c); c.Chosen {
		v.B = c.Text
	}
}

func (v *compareView) fill(run *Run, with *other, a *asked, found *records.Comparison) {
	if v.B == "" {
		v.B = shown.Line(with.run.Name, 300)
	}
	for _, p := range found.Progress {
		if !p.Complete {
			v.Hint, v.Again = "Not all records of both are there yet.", 3
		}
	}
	v.Count = countText(found.Count, "record")
	for i := range found.Pairs {
		v.Pairs = append(v.Pairs, newPairView(run, with, a.Pass, &found.Pairs[i]))
	}
	switch n := len(found.Pairs); {
	case found.Continue > 0:
		v.Later = a.address(v.Address, "after", strconv.FormatInt(found.Continue, 10))
	case found.Later && n > 0:
		v.Later = a.address(v.Address, "after", strconv.FormatInt(found.Pairs[n-1].A.Place, 10))
	case n == 0:
		v.None = "There is no difference."
		if v.All {
			v.None = "No record meets this selection."
		}
	}
}

func newPairView(run *Run, with *other, pass int, p *records.Pair) pairView {
	record := func(run *Run, pass int, id quarry.DocumentID) string {
		return (&asked{Pass: pass}).address(run.address()+"record", "id", string(id))
	}
	v := pairView{
		ID: shown.Line(string(p.A.ID), 200), Title: shown.Line(p.A.Title, 300), A: record(run, pass, p.A.ID), Same: p.Same,
		StateA: string(p.A.Status), MoodA: statusMood(string(p.A.Status)),
	}
	if v.Title == "" {
		v.Title = v.ID
	}
	if p.B != nil {
		v.B, v.StateB, v.MoodB = record(&with.run, with.pass, p.B.ID), string(p.B.Status), statusMood(string(p.B.Status))
	}
	for i := range p.Fields {
		f := &p.Fields[i]
		if f.Same && !p.Same {
			continue
		}
		name := shown.Line(f.Name, 80)
		v.Fields = append(v.Fields, fieldView{
			Name: name, Lang: report.LangOf(name), Same: f.Same, A: spans(f.A, "removed"), B: spans(f.B, "added"),
		})
	}
	return v
}
