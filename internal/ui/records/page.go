package records

import (
	"context"
	"fmt"
	"strings"

	"quarry"
	"quarry/internal/ui/find"
)

// Page finds the rows of a page, counts all records that meet the query, and says which values they have.
func (s *Store) Page(ctx context.Context, q *Query) (p Page, err error) {
	s.files.RLock()
	defer s.files.RUnlock()
	if p.Progress = s.Progress(); p.Progress.Pass == 0 {
		return p, nil
	}
	if err = s.fill(ctx, q, &p); find.Damaged(err) {
		s.broken.Store(true)
		err = fmt.Errorf("%s is damaged, and the next update makes it again: %w", File, err)
	}
	return p, err
}

func (s *Store) fill(ctx context.Context, q *Query, p *Page) error {
	found, err := s.db.Find(ctx, p.Progress.Pass, q)
	if err != nil {
		return err
	}
	p.Count, p.Facets, p.Earlier, p.Later, p.Continue, p.Ignored = found.Count, found.Facets, found.Earlier, found.Later, found.Continue, found.Ignored
	p.Rows, err = s.rows(ctx, p.Progress.Pass, found.Orders)
	return err
}

// rows reads the results of a page.
func (s *Store) rows(ctx context.Context, pass int, orders []int64) ([]Row, error) {
	r := s.openResults(pass)
	defer r.close()
	rows := make([]Row, 0, len(orders))
	for _, order := range orders {
		res, err := r.of(ctx, order)
		if err != nil {
			return nil, err
		}
		if res != nil {
			rows = append(rows, rowOf(order, res))
		}
	}
	return rows, nil
}

// maxAnswer is how many characters of an answer a row has.
const maxAnswer = 240

func rowOf(order int64, res *quarry.Result) Row {
	row := Row{
		Place: order + 1, ID: res.ID, Title: res.Document.Title, URL: res.Document.URL, Status: res.Status, Class: classOf(res),
		Language: res.Document.Lang, Pool: poolOf(res), Answer: AnswerText(res), Cost: res.CostUSD,
	}
	if res.Similarity == 0 {
		row.RecordID = res.RecordID
	}
	if row.Answer == "" && res.Error != nil {
		row.Answer = res.Error.Message
	}
	row.Answer = beginning(row.Answer, maxAnswer)
	return row
}

// beginning is a text up to so many characters, on one line.
func beginning(text string, most int) string {
	text = strings.Join(strings.Fields(text[:min(len(text), 16*most)]), " ")
	n := 0
	for at := range text {
		if n++; n > most {
			return text[:at] + "…"
		}
	}
	return strings.ToValidUTF8(text, "")
}
