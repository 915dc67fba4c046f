package run

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/bedrock"
	"quarry/internal/collect"
	"quarry/internal/effect"
	"quarry/internal/jsonl"
	"quarry/internal/ledger"
)

// Runtime calls cannot be asked about afterwards. So each is written down before it is made, and its answer when it has
// come, in one append-only file in the form of a job's output. A call that was begun and has no answer in the file when
// the run resumes may have been paid: it is asked again, once, and audit lists it.

// callLine is one line of a shard's calls: the intent, or what came of it.
type callLine struct {
	RecordID    quarry.RecordID `json:"recordId"`
	Intent      int             `json:"intent,omitempty"` // number of the call for this record, from 1
	ModelOutput json.RawMessage `json:"modelOutput,omitempty"`
	Error       *callError      `json:"error,omitempty"`
}

type callError struct {
	Code    int    `json:"errorCode"`
	Message string `json:"errorMessage"`
}

func (r *Run) callsPath(id quarry.ShardID) string {
	return filepath.Join(r.cfg.Dir, "journal", string(id)+".calls.jsonl")
}

// call asks all records of a shard by runtime calls and seals the answers as the shard's raw output.
func (r *Run) call(ctx context.Context, s *ledger.Shard) error {
	began := time.Now()
	if ok, err := r.withinCap(ctx, s); err != nil || !ok {
		return err
	}
	if s.Job.Submitted.IsZero() {
		s.Job.Submitted = began
	}
	if err := r.effects.MkdirAll(filepath.Dir(r.callsPath(s.ID))); err != nil {
		return err
	}
	log, answered, begun, err := r.openCalls(s.ID)
	if err != nil {
		return err
	}
	err = r.callAll(ctx, s, log, answered, begun)
	if err := errors.Join(err, log.close()); err != nil {
		return err
	}
	s.Job.Ended, s.Job.Status = time.Now(), quarry.JobCompleted
	out, err := r.sealCalls(s)
	if err != nil {
		return err
	}
	if err := r.heavily(ctx, func() error { return r.settle(ctx, s, out) }); err != nil {
		return fmt.Errorf("collect shard %s: %w", s.ID, err)
	}
	s.Times.Collected, s.Times.Collect = time.Now(), time.Since(s.Job.Ended)
	return s.State.Advance(quarry.ShardCalling, quarry.ShardCollected)
}

// callLog appends to a shard's calls. A line is durable before its effect is relied upon; many callers share one sync.
type callLog struct {
	mu      sync.Mutex
	file    *effect.OutFile
	waiting bytes.Buffer
	synced  chan struct{} // closed when what waits now is durable
	failed  error
	kick    chan struct{}
	done    sync.WaitGroup
}

// openCalls reads what was asked before and opens the file for more. A torn last line is cut off: its call was not made,
// or its answer is asked for again.
func (r *Run) openCalls(id quarry.ShardID) (log *callLog, answered map[quarry.RecordID]bool, begun map[quarry.RecordID]int, err error) {
	answered, begun = map[quarry.RecordID]bool{}, map[quarry.RecordID]int{}
	f, err := r.effects.Append(r.callsPath(id))
	if err != nil {
		return nil, nil, nil, err
	}
	var whole int64
	for line, err := range linesOf(r.callsPath(id)) {
		if err != nil {
			return nil, nil, nil, errors.Join(err, f.Close())
		}
		var l callLine
		if !bytes.HasSuffix(line, []byte("\n")) || json.Unmarshal(line, &l) != nil {
			break
		}
		whole += int64(len(line))
		if l.Intent > 0 {
			begun[l.RecordID] = l.Intent
		} else {
			answered[l.RecordID] = true
		}
	}
	if info, err := os.Stat(r.callsPath(id)); err == nil && info.Size() > whole {
		if err := f.Truncate(whole); err != nil {
			return nil, nil, nil, errors.Join(err, f.Close())
		}
	}
	log = &callLog{file: f, synced: make(chan struct{}), kick: make(chan struct{}, 1)}
	log.done.Go(log.flush)
	return log, answered, begun, nil
}

// append returns once the line is durable.
func (l *callLog) append(line *callLine) error {
	b, err := json.Marshal(line)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.waiting.Write(b)
	l.waiting.WriteByte('\n')
	synced := l.synced
	l.mu.Unlock()
	select {
	case l.kick <- struct{}{}:
	default:
	}
	<-synced
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// flush writes what waits, one sync for all of it.
func (l *callLog) flush() {
	for range l.kick {
		l.mu.Lock()
		b := bytes.Clone(l.waiting.Bytes())
		l.waiting.Reset()
		synced := l.synced
		l.synced = make(chan struct{})
		failed := l.failed
		l.mu.Unlock()
		if failed == nil && len(b) > 0 {
			if _, err := l.file.Write(b); err != nil {
				failed = err
			} else {
				failed = l.file.Sync()
			}
		}
		l.mu.Lock()
		l.failed = failed
		l.mu.Unlock()
		close(synced)
	}
}

func (l *callLog) close() error {
	close(l.kick)
	l.done.Wait()
	return errors.Join(l.failed, l.file.Close())
}

// callGrace is how long calls under way may still take when the run is told to end: what they answer is paid.
const callGrace = time.Minute

// asking is one round of calls for a shard.
type asking struct {
	run   *Run
	shard *ledger.Shard
	log   *callLog

	mu   sync.Mutex
	done int64
	said string // why calls wait, as it was told last
}

// callAll asks every record that has no answer yet. When it has to end it begins no further call, and waits for those
// under way.
func (r *Run) callAll(ctx context.Context, s *ledger.Shard, log *callLog, answered map[quarry.RecordID]bool, begun map[quarry.RecordID]int) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	inFlight, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, func() {
		time.AfterFunc(callGrace, end)
		if n := len(r.calls); n > 0 {
			r.watch(Event{Kind: Note, Text: fmt.Sprintf("ending; %d calls are under way and paid for: their answers are waited for, %s at most", n, callGrace)})
		}
	})()
	round := &asking{run: r, shard: s, log: log, done: int64(len(answered))}
	type ask struct {
		id    quarry.RecordID
		input []byte
	}
	asks := make(chan ask)
	var callers sync.WaitGroup
	for range r.cfg.Concurrency {
		callers.Go(func() {
			for a := range asks {
				err := round.one(ctx, inFlight, a.id, a.input, begun[a.id])
				<-r.calls
				if err != nil {
					stop(err)
					return
				}
				round.progress()
			}
		})
	}
	err := func() error {
		defer close(asks)
		var checker jsonl.Checker
		var looked time.Time
		for line, err := range linesOf(r.shardPath(s.ID)) {
			if err != nil {
				return err
			}
			l, err := collect.Parse(&checker, bytes.TrimSuffix(line, []byte("\n")))
			if err != nil {
				return fmt.Errorf("read shard %s: %w", s.ID, err)
			}
			if answered[l.RecordID] {
				continue
			}
			if time.Since(looked) >= time.Second {
				looked = time.Now()
				if r.stopRequested() {
					return r.stopError()
				}
			}
			select {
			case r.calls <- struct{}{}: // all shards together make Concurrency calls at once
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			select {
			case asks <- ask{l.RecordID, l.ModelInput}:
			case <-ctx.Done():
				<-r.calls
				return context.Cause(ctx)
			}
		}
		return nil
	}()
	callers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func (a *asking) progress() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.done++
	a.run.watch(Event{Kind: Progress, Step: "calls", Shard: a.shard.ID, Done: a.done, Total: a.shard.Records})
}

// say tells why calls wait, once for all of them.
func (a *asking) say(why string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.said != why {
		a.said = why
		a.run.watch(Event{Kind: Waiting, Shard: a.shard.ID, Text: why})
	}
}

// one makes one call: intent, act, outcome. Throttling is waited out, since nothing was done, and so are credentials
// that ran out; a call without a reply is made once more, and no more than that. inFlight outlives ctx by callGrace.
func (a *asking) one(ctx, inFlight context.Context, id quarry.RecordID, input []byte, begun int) error {
	r := a.run
	if begun > 1 { // asked twice, and no reply was ever seen: a third call could be a third bill
		return a.log.append(&callLine{RecordID: id, Error: &callError{Code: 408, Message: "two calls were begun and no reply of either was seen"}})
	}
	wait := time.Second
	for call := begun + 1; ; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := a.log.append(&callLine{RecordID: id, Intent: call}); err != nil {
			return err
		}
		tier := ""
		if a.shard.Mode == quarry.ModeFlex {
			tier = "flex"
		}
		output, err := r.bedrock.Invoke(inFlight, bedrock.Call{RecordID: id, ModelID: r.cfg.Model, Type: r.cfg.Type, ModelInput: input, Tier: tier})
		if err == nil {
			return a.log.append(&callLine{RecordID: id, ModelOutput: output})
		}
		if inFlight.Err() != nil || errors.Is(err, effect.ErrHook) {
			return err
		}
		var fault *bedrock.Fault
		if !errors.As(err, &fault) {
			return err
		}
		switch {
		case fault.Cause == bedrock.CauseThrottled || fault.Status == 503 || fault.Code == "ExpiredTokenException":
			a.say(fault.Code + ": " + fault.Message)
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			wait = min(2*wait, 30*time.Second)
		case fault.Cause == bedrock.CauseDenied:
			return err
		case fault.Cause == bedrock.CauseUnknown && call == 1:
			call++ // it may have been answered and paid: asked once more, and audit lists it
		default:
			code := fault.Status
			if code == 0 {
				code = 500
			}
			return a.log.append(&callLine{RecordID: id, Error: &callError{Code: code, Message: fault.Code + ": " + fault.Message}})
		}
	}
}

// sealCalls copies what came of the calls into the shard's raw output, and all lines, the intents with them, into its
// sealed journal of calls, from which audit tells what may have been paid twice.
func (r *Run) sealCalls(s *ledger.Shard) (collect.Output, error) {
	dir := r.rawDir(s)
	if err := r.effects.MkdirAll(dir); err != nil {
		return collect.Output{}, err
	}
	raw, err := atomicfile.CreateZstd(r.effects, filepath.Join(dir, "calls.jsonl.out.zst"))
	if err != nil {
		return collect.Output{}, err
	}
	defer raw.Abort()
	all, err := atomicfile.CreateZstd(r.effects, r.callsPath(s.ID)+".zst")
	if err != nil {
		return collect.Output{}, err
	}
	defer all.Abort()
	for line, err := range linesOf(r.callsPath(s.ID)) {
		if err != nil {
			return collect.Output{}, err
		}
		var l callLine
		if err := json.Unmarshal(line, &l); err != nil {
			return collect.Output{}, fmt.Errorf("read calls of shard %s: %w", s.ID, err)
		}
		if _, err := all.Write(line); err != nil {
			return collect.Output{}, err
		}
		if l.Intent > 0 {
			continue
		}
		if _, err := raw.Write(line); err != nil {
			return collect.Output{}, err
		}
	}
	if err := atomicfile.CommitAll(all, raw); err != nil {
		return collect.Output{}, err
	}
	return collect.Open(dir)
}

// linesOf reads a file line by line, each with its newline. A line is held whole.
func linesOf(path string) func(yield func([]byte, error) bool) {
	return func(yield func([]byte, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = f.Close() }()
		in := bufio.NewReaderSize(f, 256<<10)
		for {
			line, err := in.ReadBytes('\n')
			if len(line) > 0 && !yield(line, nil) {
				return
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					yield(nil, fmt.Errorf("read %s: %w", path, err))
				}
				return
			}
		}
	}
}
