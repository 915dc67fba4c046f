package cli

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/run/event"
)

// settingsHead begins the settings that a run leaves in its directory. A file with another first line is the user's own.
const settingsHead = "# The settings of this run as they were, for people: nothing reads this file.\n"

// runLog keeps in the run directory the settings of a run and what it did: quarry.yaml and quarry.log.
type runLog struct {
	effects  *effect.Effects
	dir      string
	settings *config.Loaded // nil: none are written
	file     *effect.OutFile

	mu      sync.Mutex
	log     *slog.Logger
	status  map[quarry.ShardID]string // of open jobs
	leftOut int
	err     error
}

// openRunLog begins the log of one command on a run directory, which is locked. What could not be kept is reported when c closes.
func openRunLog(e *effect.Effects, dir, command string, a *App, settings *config.Loaded, c *compose.Closers) (*runLog, error) {
	file, err := e.Append(filepath.Join(dir, "quarry.log"))
	if err != nil {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "open log", Err: err, Hint: "check that " + dir + " can be written to"}
	}
	r := &runLog{effects: e, dir: dir, settings: settings, file: file, log: slog.New(a.logHandler(file)), status: map[quarry.ShardID]string{}}
	r.log.Info("began", "command", command, "version", a.Build.Version, "pid", os.Getpid())
	c.Add(func() error { return errors.Join(r.err, file.Close()) })
	return r, nil
}

// warn writes down a warning.
func (r *runLog) warn(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log.Warn(text)
}

// event writes down what happened, but for what comes once a document or once a poll.
func (r *runLog) event(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e.Kind {
	case event.RunOpened:
		r.log = r.log.With("run", e.Text)
		r.log.Info("opened", "resumed", e.Done > 0)
		if err := r.keepSettings(); err != nil {
			r.err = errors.Join(r.err, err)
		}
	case event.StepBegan:
		r.log.Info("step began", "step", e.Step)
	case event.StepEnded:
		r.log.Info("step ended", "step", e.Step, "done", e.Done, "failed", e.Failed, "skipped", e.Skipped, "total", e.Total, "took",
			time.Since(e.Since).Round(time.Millisecond))
	case event.ItemLeftOut, event.ItemSkipped:
		if r.leftOut++; r.leftOut <= maxNamed { // the index names all of them
			r.log.Warn("left out", "item", e.Text)
		}
	case event.JobSubmitted:
		r.log.Info("job submitted", "shard", e.Shard, "job", e.Text, "records", e.Done)
	case event.JobAdopted:
		r.log.Info("job found", "shard", e.Shard, "job", e.Text)
	case event.Placed:
		r.log.Info("placed", "shard", e.Shard, "pool", e.Text)
	case event.JobStatus:
		if r.status[e.Shard] != e.Text {
			r.status[e.Shard] = e.Text
			r.log.Info("job status", "shard", e.Shard, "status", e.Text, "done", e.Done, "total", e.Total)
		}
	case event.ShardDone:
		delete(r.status, e.Shard)
		r.log.Info("shard done", "shard", e.Shard, "records", e.Done)
	case event.Waiting:
		r.log.Warn("waits", "shard", e.Shard, "why", e.Text)
	case event.Differs:
		r.log.Warn("differs", "shard", e.Shard, "what", e.Text)
	case event.PilotRead:
		r.log.Info("pilot read", "good", e.Done, "of", e.Total, "classes", e.Text)
	case event.Note:
		r.log.Info("note", "text", e.Text)
	case event.Progress: // of documents and bytes, many a second
	}
}

// end writes down how the command ended.
func (r *runLog) end(err error) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.log.Error("ended", "error", err.Error())
		return
	}
	r.log.Info("ended")
}

// keepSettings leaves the settings in the directory, where no file of the user's own has their name. The folder where the
// program was started is left alone: what is there as quarry.yaml would be read by the next command.
func (r *runLog) keepSettings() error {
	here, err := filepath.Abs(".")
	if r.settings == nil || err != nil || here == r.dir {
		return err
	}
	path := filepath.Join(r.dir, config.DefaultFile)
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(before) > 0 && !bytes.HasPrefix(before, []byte(settingsHead)) {
		return nil
	}
	text, err := r.settings.Print()
	if err != nil {
		return err
	}
	return atomicfile.Write(r.effects, path, []byte(settingsHead+text))
}
