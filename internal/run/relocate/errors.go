package relocate

import (
	"errors"

	"quarry"
)

// ErrMoved says that documents are not where the plan has them.
var ErrMoved = errors.New("the sources changed after the plan")

// SourceChanged is an error for people that wraps ErrMoved: the sources are not what they were when they were read a moment
// ago. Nothing was sent of what was planned, and the next command plans it again.
func SourceChanged(at quarry.Position) error {
	return &quarry.Error{
		Kind: quarry.BadItems, Op: "read again", Subject: at.String(), Err: ErrMoved,
		Hint: "nothing of this plan was sent; rerun the same command, which plans the current sources",
	}
}
