package expected

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/outcome/report"
	"quarry/internal/run/book"
)

// File is where the texts of a pilot are, its sample answers and messages: not in the ledger, which more people may read than the
// files of the run.
type File struct {
	Effects *effect.Effects
	Path    string
}

// texts are what File holds.
type texts struct {
	Samples  []report.Sample  `json:"samples"`
	Failures []report.Failure `json:"failures,omitempty"`
}

// keep writes the texts of a forecast's pilot, and gives the forecast without them.
func (f File) keep(whole book.Forecast) (book.Forecast, error) {
	if whole.Pilot == nil {
		return whole, nil
	}
	b, err := json.Marshal(texts{whole.Pilot.Samples, whole.Pilot.Failures})
	if err == nil {
		err = atomicfile.Write(f.Effects, f.Path, append(b, '\n'))
	}
	bare := *whole.Pilot
	bare.Samples, bare.Failures = nil, nil
	whole.Pilot = &bare
	return whole, err
}

// fill adds the texts to a forecast that was kept. One of an earlier version has them.
func (f File) fill(kept *book.Forecast) error {
	if kept.Pilot == nil || len(kept.Pilot.Samples) > 0 {
		return nil
	}
	var t texts
	b, err := os.ReadFile(f.Path)
	if err == nil {
		err = json.Unmarshal(b, &t)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) { // a run that was taken over has none
		return fmt.Errorf("read the texts of the pilot: %w", err)
	}
	kept.Pilot.Samples, kept.Pilot.Failures = append([]report.Sample{}, t.Samples...), t.Failures
	return nil
}
