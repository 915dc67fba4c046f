package main

import (
	"fmt"
	"io"
	"time"
)

// table is printed as Markdown, a column for each number of documents.
type table struct {
	rows  []string
	cells map[string][]string
	head  []string
}

func newTable() *table { return &table{cells: map[string][]string{}} }

func (t *table) add(head string, n int, m measured) {
	t.head = append(t.head, head)
	row := func(name, format string, args ...any) {
		if _, ok := t.cells[name]; !ok {
			t.rows = append(t.rows, name)
		}
		t.cells[name] = append(t.cells[name], fmt.Sprintf(format, args...))
	}
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(n) }
	row("source", "%.1f MB", float64(m.sourceBytes)/1e6)
	row("jobs", "%d", m.jobs)
	row("wall", "%.1f s", m.wall.Seconds())
	row("wall a document", "%.0f µs", each(m.wall))
	row("CPU of the client a document", "%.0f µs", each(m.cpu))
	row("… of it after the last job was created", "%.0f µs", each(m.afterJobs))
	row("CPU of audit a document", "%.0f µs", each(m.auditCPU))
	for _, stage := range []string{"plan", "preflight", "pilot", "shards", "export"} {
		row(stage, "%.1f s", m.stages[stage].Seconds())
	}
	row("peak memory of the client", "%d MB", m.clientRSS/1e6)
	row("the same, resumed after the kill", "%d MB", m.resumedRSS/1e6)
	row("peak memory of the stand-in", "%d MB", m.standinRSS/1e6)
	row("kept in addition to the answers, a document", "%.1f B", m.kept.withoutAnswers())
	row("… ledger", "%.1f B", m.kept.ledger)
	row("… index", "%.1f B", m.kept.index)
	row("… index parts", "%.1f B", m.kept.parts)
	row("… journals without the answers", "%.1f B", m.kept.bare)
	row("journals with the answers", "%.0f B", m.kept.journal)
	row("raw", "%.0f B", m.kept.raw)
	row("results.jsonl", "%.0f B", m.kept.results)
	row("resume after kill -9", "%.2f s", m.resume.Seconds())
	row("audit", "%.1f s", m.audit.Seconds())
	row("peak memory of audit", "%d MB", m.auditRSS/1e6)
}

func (t *table) print(w io.Writer) {
	fmt.Fprint(w, "\n| documents |")
	for _, h := range t.head {
		fmt.Fprintf(w, " %s |", h)
	}
	fmt.Fprint(w, "\n| --- |")
	for range t.head {
		fmt.Fprint(w, " --- |")
	}
	fmt.Fprintln(w)
	for _, name := range t.rows {
		fmt.Fprintf(w, "| %s |", name)
		for _, c := range t.cells[name] {
			fmt.Fprintf(w, " %s |", c)
		}
		fmt.Fprintln(w)
	}
}
