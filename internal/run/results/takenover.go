package results

import (
	"errors"
	"fmt"
	"iter"

	"quarry"
	"quarry/internal/run/index"
)

// TakenOver writes the results that are another's: of a document with the same request, or of the pass before.
type TakenOver struct {
	out    *Files
	before *index.Known

	nextSame func() (index.Twin, error, bool)
	stopSame func()
	same     index.Twin
	moreSame bool

	nextOld func() (index.TakenOver, error, bool)
	stopOld func()
	old     index.TakenOver
	moreOld bool
}

// OpenTakenOver reads which results of a pass are another's, to be written between its own. before is what the pass before
// knows; nil where there is none.
func OpenTakenOver(pass index.Pass, out *Files, before *index.Known) (*TakenOver, error) {
	t := &TakenOver{out: out, before: before}
	t.nextSame, t.stopSame = iter.Pull2(pass.Twins())
	t.nextOld, t.stopOld = iter.Pull2(pass.TakenOver())
	err := errors.Join(t.readSame(), t.readOld())
	if err != nil {
		t.Close()
	}
	return t, err
}

func (t *TakenOver) readSame() (err error) {
	t.same, err, t.moreSame = t.nextSame()
	return err
}

func (t *TakenOver) readOld() (err error) {
	t.old, err, t.moreOld = t.nextOld()
	return err
}

// Before writes the results of all orders before the next one to be written: the answers that they copy are in the files by
// then.
func (t *TakenOver) Before(before int64) error {
	for {
		switch {
		case t.moreSame && t.same.Order < before && (!t.moreOld || t.same.Order < t.old.Order):
			if err := errors.Join(t.out.addSame(&t.same), t.readSame()); err != nil {
				return err
			}
		case t.moreOld && t.old.Order < before:
			line, err := t.before.Line(t.old.Slot)
			if err != nil {
				return err
			}
			var res quarry.Result
			if err := t.out.reader.Read(line, &res); err != nil {
				return fmt.Errorf("take over the answer of document %d of the pass before: %w", t.old.Slot, err)
			}
			if err := errors.Join(t.out.addLine(t.old.Order, &res, line, res.Attempts, false, t.old.Stale), t.readOld()); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// Close ends the reading.
func (t *TakenOver) Close() {
	t.stopSame()
	t.stopOld()
}
