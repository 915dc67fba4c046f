package ledger_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/base/ledger/ledgertest"
)

func TestLedgerInPostgres(t *testing.T) {
	t.Parallel()
	ledgertest.Run(t, inPostgres(needPostgres(t)))
}

// TestBothLedgersGiveTheSameAnswers does the same at random to a ledger in a file and to one in Postgres.
func TestBothLedgersGiveTheSameAnswers(t *testing.T) {
	t.Parallel()
	c := needPostgres(t)
	for seed := range uint64(6) {
		var histories []string
		for _, fresh := range []ledgertest.Fresh{inFile, inPostgres(c)} {
			l, err := fresh(t)(nil)
			if err != nil {
				t.Fatal(err)
			}
			histories = append(histories, ledgertest.History(t, l, rand.New(rand.NewPCG(seed, 11)), 80))
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
		file, server := strings.Split(histories[0], "\n"), strings.Split(histories[1], "\n")
		for i := range file {
			if i >= len(server) || file[i] != server[i] {
				t.Fatalf("seed %d, answer %d:\n%s\nin a file, and in Postgres:\n%s", seed, i, file[i], server[min(i, len(server)-1)])
			}
		}
	}
}

func shard(n int) ledger.Shard {
	return ledger.Shard{
		ID: quarry.NewShardID(quarry.MainShard, n), Seq: int64(n), Kind: quarry.MainShard, State: quarry.ShardPlanned, Mode: quarry.ModeJob,
		Detail: ledger.Detail{Pass: 1, Records: 10, Attempt: 1},
	}
}

func due(t *testing.T, l *ledger.Ledger, rows ...ledger.Shard) {
	t.Helper()
	if err := errors.Join(l.AddShards(t.Context(), rows, nil, nil), l.Release(t.Context(), time.Now(), int64(len(rows)), "")); err != nil {
		t.Fatal(err)
	}
}

func TestAProcessWhoseRunWasTakenOverSavesNothing(t *testing.T) {
	t.Parallel()
	c, run := needPostgres(t), freshRun()
	old := mustOpen(t, c, run)
	due(t, old, shard(1), shard(2))
	s, err := old.Next(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	taken := mustOpen(t, c, run)
	_, nextErr := old.Next(t.Context(), time.Now())
	for what, err := range map[string]error{
		"a row": old.Save(t.Context(), &s), "facts": old.SetFacts(t.Context(), map[string]string{"a": "b"}), "a claim": nextErr,
		"rows": old.AddShards(t.Context(), []ledger.Shard{shard(3)}, nil, nil), "a release": old.Release(t.Context(), time.Now(), 1, ""),
	} {
		if !errors.Is(err, ledger.ErrFenced) {
			t.Errorf("%s of the process that was there first: %v, want ErrFenced", what, err)
		}
	}
	if rows, err := taken.Shards(t.Context()); err != nil || len(rows) != 2 {
		t.Errorf("%d rows, %v, want 2", len(rows), err)
	}
}

// A process may be paused between two statements, and its connection stays open.
func TestAProcessThatIsPausedInATransactionDoesNotKeepTheRun(t *testing.T) {
	t.Parallel()
	c, run := needPostgres(t), freshRun()
	err := ledger.WhileHeld(t.Context(), mustOpen(t, c, run), func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		l, err := ledger.OpenPostgres(ctx, effect.New(nil), address(c.Dir), run)
		if err != nil {
			t.Errorf("the run cannot be taken over: %v", err)
			return
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	if err == nil {
		t.Error("the paused transaction was committed after that")
	}
}

func TestARowThatWasClaimedAgainIsNotSaved(t *testing.T) {
	t.Parallel()
	l := mustOpen(t, needPostgres(t), freshRun())
	due(t, l, shard(1))
	first, err := l.Next(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	second, err := l.Next(t.Context(), time.Now())
	if err != nil || second.ID != first.ID {
		t.Fatalf("claimed %s, %v, want the same row: it was not saved", second.ID, err)
	}
	first.Records, second.Records = 1, 2
	if err := l.Save(t.Context(), &first); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("the first claim: %v, want ErrFenced", err)
	}
	if err := l.Save(t.Context(), &second); err != nil {
		t.Errorf("the second claim: %v", err)
	}
	if got, err := l.Shard(t.Context(), first.ID); err != nil || got.Records != 2 {
		t.Errorf("the row has %d records, %v, want those of the second claim", got.Records, err)
	}
}

func TestClaimsAtTheSameTimeGetDifferentRows(t *testing.T) {
	t.Parallel()
	l := mustOpen(t, needPostgres(t), freshRun())
	var rows []ledger.Shard
	for n := range 200 {
		rows = append(rows, shard(n+1))
	}
	due(t, l, rows...)
	var mu sync.Mutex
	var workers sync.WaitGroup
	claimed := map[quarry.ShardID]int{}
	for range 4 {
		workers.Go(func() {
			for range 50 {
				s, err := l.Next(t.Context(), time.Now())
				if err == nil {
					s.Due = time.Now().Add(time.Hour)
					err = l.Save(t.Context(), &s)
				}
				if errors.Is(err, ledger.ErrFenced) || errors.Is(err, ledger.ErrNothingDue) { // claimed by two, one after the other: only one saves it
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				claimed[s.ID]++
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	for id, n := range claimed {
		if n != 1 {
			t.Errorf("%d claims of %s were saved, want 1", n, id)
		}
	}
}

func TestTheClockOfRowsIsTheDatabases(t *testing.T) {
	t.Parallel()
	c, run := needPostgres(t), freshRun()
	l := mustOpen(t, c, run)
	due(t, l, shard(1))
	s, err := l.Next(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s.Due = time.Now().Add(10 * time.Minute)
	if err := l.Save(t.Context(), &s); err != nil {
		t.Fatal(err)
	}
	fast := mustOpen(t, c, run)
	hence := func() time.Time { return time.Now().Add(time.Hour) }
	ledger.SetClock(fast, hence)
	if _, err := fast.Next(t.Context(), hence()); !errors.Is(err, ledger.ErrNothingDue) { // it learns the time
		if _, err = fast.Next(t.Context(), hence()); !errors.Is(err, ledger.ErrNothingDue) {
			t.Errorf("Next of a process whose clock is fast: %v, want nothing due for ten minutes", err)
		}
	}
	at, ok, err := fast.NextDue(t.Context())
	if wait := at.Sub(hence()); err != nil || !ok || wait < 8*time.Minute || wait > 11*time.Minute {
		t.Errorf("the row is due in %s, %v, want about ten minutes", wait, err)
	}
}

func TestRunsShareQuotasAndNothingElse(t *testing.T) {
	t.Parallel()
	c := needPostgres(t)
	pool := ledger.Pool{Region: "eu-west-1", Model: quarry.DefaultModel, Bucket: "b"}
	var taken [2]int
	var runners sync.WaitGroup
	for i := range taken {
		l := mustOpen(t, c, freshRun())
		rows := []ledger.Shard{shard(1), shard(2), shard(3)}
		for n := range rows {
			rows[n].State, rows[n].Pool = quarry.ShardUploaded, pool
		}
		due(t, l, rows...)
		runners.Go(func() {
			for n := range rows {
				err := l.Place(t.Context(), &rows[n], []ledger.Pool{pool}, func(q []ledger.Queue) (bool, error) {
					if q[0].Open >= 2 {
						return false, nil
					}
					taken[i]++
					rows[n].State = quarry.ShardIntended
					return true, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
		t.Cleanup(func() {
			if kept, err := l.Shards(t.Context()); err == nil && len(kept) != 3 {
				t.Errorf("run %d has %d rows, want its own 3", i, len(kept))
			}
		})
	}
	runners.Wait()
	if taken[0]+taken[1] != 2 {
		t.Errorf("the runs took %v slots, want 2 together", taken)
	}
}

func TestFactsSetInOppositeOrdersDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	l := mustOpen(t, needPostgres(t), freshRun())
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 25 {
				facts := map[string]string{}
				for n := range 10 {
					facts[fmt.Sprint("fact", (n*7+w)%10)] = fmt.Sprint(w, i)
				}
				if err := l.SetFacts(t.Context(), facts); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
}

// state is all that a run has, as text.
func state(t *testing.T, l *ledger.Ledger) string {
	t.Helper()
	rows, err := l.Shards(t.Context())
	facts, factsErr := l.Facts(t.Context(), "a", "b")
	if err := errors.Join(err, factsErr); err != nil {
		t.Fatal(err)
	}
	ledgertest.CheckSums(t, l, 0, 1)
	return fmt.Sprintf("%+v %v", rows, facts)
}

// TestAChangeWhoseConnectionIsKilledIsWholeOrNotThere kills the connection at each request of each change, before it reaches the server and
// after.
func TestAChangeWhoseConnectionIsKilledIsWholeOrNotThere(t *testing.T) {
	t.Parallel()
	c := needPostgres(t)
	first := shard(1)
	pool := ledger.Pool{Region: "us-west-2", Model: quarry.DefaultModel, Bucket: "b"}
	for name, change := range map[string]func(l *ledger.Ledger) error{
		"AddShards": func(l *ledger.Ledger) error {
			takes := map[quarry.ShardID]quarry.ShardID{first.ID: "r00001"}
			return l.AddShards(t.Context(), []ledger.Shard{shard(3), shard(4)}, map[string]string{"a": "1"}, takes)
		},
		"Split": func(l *ledger.Ledger) error {
			s := first
			s.Records = 4
			return l.Split(t.Context(), &s, []ledger.Shard{shard(3), shard(4)})
		},
		"Release": func(l *ledger.Ledger) error { return l.Release(t.Context(), time.UnixMilli(5), 2, "") },
		"Drop": func(l *ledger.Ledger) error {
			return l.Drop(t.Context(), []ledger.Shard{first, shard(2)}, map[string]string{"a": "1"})
		},
		"facts": func(l *ledger.Ledger) error { return l.SetFacts(t.Context(), map[string]string{"a": "1", "b": "2"}) },
		"Reserve": func(l *ledger.Ledger) error {
			s := first
			return l.Reserve(t.Context(), &s, func(*ledger.Balance) (ledger.Money, error) { return ledger.Money{Output: 5}, nil })
		},
		"Place": func(l *ledger.Ledger) error {
			s := first
			return l.Place(t.Context(), &s, []ledger.Pool{pool}, func([]ledger.Queue) (bool, error) {
				s.State, s.Pool = quarry.ShardIntended, pool
				return true, nil
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var before, after string
			for _, late := range []bool{false, true} {
				p := newCutter(t, c)
				p.after = late
				for n := int64(0); ; n++ {
					run := freshRun()
					l, err := openRun(t, p.dir, run, nil)
					if err != nil {
						t.Fatal(err)
					}
					if err := l.AddShards(t.Context(), []ledger.Shard{first, shard(2)}, nil, nil); err != nil {
						t.Fatal(err)
					}
					if before == "" {
						before = state(t, l)
					}
					p.left.Store(n)
					err = change(l)
					p.left.Store(always)
					if err := l.Close(); err != nil {
						t.Error(err)
					}
					again, openErr := openRun(t, c.Dir, run, nil)
					if openErr != nil {
						t.Fatal(openErr)
					}
					got := state(t, again)
					if err := again.Close(); err != nil {
						t.Error(err)
					}
					if err == nil {
						after = got
						if n < 3 {
							t.Errorf("%d requests, want a beginning, a change and an end", n)
						}
						break
					}
					if got != before && !late {
						t.Fatalf("killed before request %d: %s, want what was there", n, got)
					}
					if late && got != before && got != after {
						t.Fatalf("killed after request %d: %s, want %s or %s", n, got, before, after)
					}
				}
			}
			if before == after {
				t.Error("the change changes nothing: this test sees nothing")
			}
		})
	}
}

// TestNothingIsLostWhenTheServerDies kills the server while rows are saved. What was saved is there, and the sums are those of the rows.
func TestNothingIsLostWhenTheServerDies(t *testing.T) {
	c := needPostgres(t)
	run := freshRun()
	l := mustOpen(t, c, run)
	var rows []ledger.Shard
	for n := range 4 {
		rows = append(rows, shard(n+1))
	}
	due(t, l, rows...)
	saved := make([]int64, len(rows)) // what each worker knows to be saved
	begun := make([]int64, len(rows)) // and what it tries to save
	for i := range rows {
		saved[i], begun[i] = rows[i].Records, rows[i].Records
	}
	for range 3 {
		var workers sync.WaitGroup
		progress := make(chan struct{}, 1000)
		for i := range rows {
			workers.Go(func() {
				for {
					s, err := l.Shard(t.Context(), rows[i].ID)
					if err == nil {
						begun[i]++
						s.Records = begun[i]
						err = l.Save(t.Context(), &s)
					}
					if err != nil {
						return
					}
					saved[i] = begun[i]
					select {
					case progress <- struct{}{}:
					default:
					}
				}
			})
		}
		for range 20 {
			<-progress
		}
		if err := c.Kill(); err != nil {
			t.Fatal(err)
		}
		workers.Wait()
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		l = mustOpen(t, c, run)
		ledgertest.CheckSums(t, l, 1)
		for i := range rows {
			s, err := l.Shard(t.Context(), rows[i].ID)
			if err != nil || s.Records != saved[i] && s.Records != begun[i] {
				t.Errorf("shard %s has %d records, %v, want the %d that were saved or the %d under way", s.ID, s.Records, err, saved[i], begun[i])
			}
			saved[i], begun[i] = s.Records, s.Records
		}
	}
}

func TestANewerDatabaseOrRunIsRefused(t *testing.T) {
	c := needPostgres(t)
	run := freshRun()
	l := mustOpen(t, c, run)
	refused := func(what string, run quarry.RunID) {
		t.Helper()
		_, err := openRun(t, c.Dir, run, nil)
		var q *quarry.Error
		if !errors.As(err, &q) || q.Kind != quarry.BadUsage || !errors.Is(err, ledger.ErrNewerFormat) {
			t.Errorf("%s: %v, want a usage error", what, err)
		}
	}
	if err := l.SetFacts(t.Context(), map[string]string{"format": "99", "version": "9.8.7"}); err != nil {
		t.Fatal(err)
	}
	refused("a newer run", run)
	if err := l.SetFacts(t.Context(), map[string]string{"format": fmt.Sprint(ledger.Format)}); err != nil {
		t.Errorf("the refused process took the run over: %v", err)
	}
	db, err := sql.Open("pgx", address(c.Dir)+"&search_path=quarry")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	number := func(n int) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), `UPDATE format SET number = $1`, n); err != nil {
			t.Fatal(err)
		}
	}
	number(99)
	refused("a newer database", freshRun())
	number(ledger.Format)
	if _, err := openRun(t, c.Dir, freshRun(), nil); err != nil {
		t.Error(err)
	}
}

func TestAPasswordInTheAddressIsRefused(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"postgres://a:secret@h/d", "postgres://h/d?password=secret", "mysql://h/d", "postgres://h:port/d"} {
		_, err := ledger.OpenPostgres(t.Context(), effect.New(nil), address, "r")
		var q *quarry.Error
		if !errors.As(err, &q) || q.Kind != quarry.BadUsage || q.Hint == "" || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want a usage error without the password", address, err)
		}
	}
	_, err := ledger.OpenPostgres(t.Context(), effect.New(nil), "postgres://h/d", "x'; DROP TABLE run")
	if q := (*quarry.Error)(nil); !errors.As(err, &q) {
		t.Errorf("an id that is none: %v, want a usage error", err)
	}
}

func TestAReaderSeesARunAndChangesNothing(t *testing.T) {
	t.Parallel()
	c, run := needPostgres(t), freshRun()
	if _, err := ledger.ReadPostgres(t.Context(), effect.New(nil), address(c.Dir), run); !errors.Is(err, ledger.ErrNoRun) {
		t.Errorf("a run that is not there: %v, want %v", err, ledger.ErrNoRun)
	}
	l := mustOpen(t, c, run)
	due(t, l, shard(1))
	r, err := ledger.ReadPostgres(t.Context(), effect.New(nil), address(c.Dir), run)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	s, err := r.Shard(t.Context(), shard(1).ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Save(t.Context(), &s), r.SetFacts(t.Context(), nil)); err == nil {
		t.Error("a reader saves a row")
	}
	s.Records = 77
	if err := l.Save(t.Context(), &s); err != nil {
		t.Errorf("the run was taken over by a reader: %v", err)
	}
	if s, err = r.Shard(t.Context(), s.ID); err != nil || s.Records != 77 {
		t.Errorf("the reader has %d records, %v, want what was saved", s.Records, err)
	}
	runs, err := ledger.Runs(t.Context(), effect.New(nil), address(c.Dir))
	if err != nil || !slices.Contains(runs, run) {
		t.Errorf("the runs are %v, %v, want %s among them", runs, err, run)
	}
}

func TestARequestToStopIsForTheProcessAtWork(t *testing.T) {
	t.Parallel()
	c, run := needPostgres(t), freshRun()
	l := mustOpen(t, c, run)
	if err := ledger.AskToStop(t.Context(), effect.New(nil), address(c.Dir), run); err != nil {
		t.Fatal(err)
	}
	if stop, err := l.AskedToStop(t.Context()); err != nil || !stop {
		t.Errorf("AskedToStop = %v, %v, want the request", stop, err)
	}
	if stop, err := mustOpen(t, c, run).AskedToStop(t.Context()); err != nil || stop {
		t.Errorf("AskedToStop of the next process = %v, %v", stop, err)
	}
}

func TestAnAnswerIsKeptOnlyToWhatIsAskedStill(t *testing.T) {
	t.Parallel()
	c, run := needPostgres(t), freshRun()
	l := mustOpen(t, c, run)
	no := errors.New("no")
	answer := func(to, value string) error {
		return ledger.Answer(t.Context(), effect.New(nil), address(c.Dir), run, "question", func(now string) error {
			if now != to {
				return no
			}
			return nil
		}, "answer", value)
	}
	if err := l.SetFacts(t.Context(), map[string]string{"question": "one"}); err != nil {
		t.Fatal(err)
	}
	if err := answer("", "early"); !errors.Is(err, no) {
		t.Errorf("Answer to no question = %v, want the refusal", err)
	}
	if err := answer("one", "yes"); err != nil {
		t.Fatal(err)
	}
	if facts, err := l.Facts(t.Context(), "answer"); err != nil || facts["answer"] != "yes" {
		t.Errorf("the process at work reads %v, %v", facts, err)
	}
	if err := l.SetFacts(t.Context(), map[string]string{"question": "two"}); err != nil {
		t.Errorf("the run was taken over by an answer: %v", err)
	}
	if err := answer("one", "late"); !errors.Is(err, no) {
		t.Errorf("Answer to a question that was replaced = %v, want the refusal", err)
	}
	if facts, err := l.Facts(t.Context(), "answer"); err != nil || facts["answer"] != "yes" {
		t.Errorf("after refusals, the answer is %v, %v", facts, err)
	}
	run = freshRun()
	if err := answer("one", "yes"); !errors.Is(err, ledger.ErrNoRun) {
		t.Errorf("Answer to a run that is not there = %v, want ErrNoRun", err)
	}
}

// BenchmarkStepInPostgres is BenchmarkStep in Postgres.
func BenchmarkStepInPostgres(b *testing.B) {
	if !*withPostgres {
		b.Skip("needs -postgres")
	}
	c, err := started()
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{200, 20_000} {
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			l, err := ledger.OpenPostgres(b.Context(), effect.New(nil), address(c.Dir), freshRun())
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = l.Close() })
			rows := make([]ledger.Shard, n)
			for i := range rows {
				rows[i] = shard(i + 1)
			}
			if err := errors.Join(l.AddShards(b.Context(), rows, nil, nil), l.Release(b.Context(), time.UnixMilli(1), int64(n)/10, "")); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				s, err := l.Next(b.Context(), time.Now())
				if err != nil {
					b.Fatal(err)
				}
				if _, _, err = l.NextDue(b.Context(), s.ID); err != nil {
					b.Fatal(err)
				}
				if _, err = l.Count(b.Context(), ""); err != nil {
					b.Fatal(err)
				}
				if err := l.Reserve(b.Context(), &s, func(*ledger.Balance) (ledger.Money, error) { return ledger.Money{Output: 1}, nil }); err != nil {
					b.Fatal(err)
				}
				if err := l.Save(b.Context(), &s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestADatabaseOfAnEarlierVersionIsUpgraded lets a run continue in it whose shards have a job that is intended, and calls under way.
func TestADatabaseOfAnEarlierVersionIsUpgraded(t *testing.T) {
	t.Parallel()
	c, run := needPostgres(t), freshRun()
	execute := func(dsn, text string) {
		t.Helper()
		db, err := sql.Open("pgx", dsn)
		if err == nil {
			_, err = db.ExecContext(t.Context(), text)
			err = errors.Join(err, db.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	execute(address(c.Dir), "CREATE DATABASE earlier")
	dsn := "postgres://quarry@/earlier?host=" + c.Dir
	open := func() *ledger.Ledger {
		t.Helper()
		l, err := ledger.OpenPostgres(t.Context(), effect.New(nil), dsn, run)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
	made := open()
	execute(dsn, ledger.RowSums())
	rows := []ledger.Shard{shard(1), shard(2), shard(3)}
	due(t, made, rows...)
	for i, state := range []quarry.ShardState{quarry.ShardIntended, quarry.ShardCalling} {
		rows[i].State, rows[i].Money.Output = state, 7
		s, err := made.Shard(t.Context(), rows[i].ID)
		if err != nil {
			t.Fatal(err)
		}
		s.State, s.Money = state, rows[i].Money
		if err := made.Save(t.Context(), &s); err != nil {
			t.Fatal(err)
		}
	}
	sums := func(l *ledger.Ledger) string {
		t.Helper()
		groups, err := l.Groups(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		var text []string
		for i := range groups {
			text = append(text, fmt.Sprintf("%+v", groups[i]))
		}
		slices.Sort(text)
		return strings.Join(text, "\n")
	}
	before := sums(made)
	upgraded := open()
	if got := sums(upgraded); got != before || strings.Count(got, "\n") != 2 {
		t.Errorf("the sums were\n%s\nand are\n%s", before, got)
	}
	// Each way to change rows changes the sums as the rows say.
	s, err := upgraded.Shard(t.Context(), rows[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	s.State, s.Money.Output = quarry.ShardSubmitted, 9
	rows[2].Money.Input = 4
	if err := errors.Join(
		upgraded.Save(t.Context(), &s), upgraded.AddShards(t.Context(), []ledger.Shard{shard(4), shard(5)}, nil, nil),
		upgraded.Drop(t.Context(), []ledger.Shard{shard(2), shard(5)}, nil), upgraded.Account(t.Context(), rows[2:]),
	); err != nil {
		t.Fatal(err)
	}
	groups, err := upgraded.Groups(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	var total ledger.Money
	for i := range groups {
		if g := &groups[i]; g.State == quarry.ShardIntended || g.State == quarry.ShardCalling || g.Shards != 1 {
			t.Errorf("a group that no row is in, or one with too many: %+v", *g)
		}
		total.Output, total.Input = total.Output+groups[i].Output, total.Input+groups[i].Input
	}
	if len(groups) != 3 || total.Output != 9 || total.Input != 4 {
		t.Errorf("%d groups with %+v, want one for each of the 3 rows", len(groups), total)
	}
	if _, err := made.Facts(t.Context(), "format"); err != nil {
		t.Error(err)
	}
}

// BenchmarkAddShardsInPostgres stores a plan of so many shards, in one transaction.
func BenchmarkAddShardsInPostgres(b *testing.B) {
	if !*withPostgres {
		b.Skip("needs -postgres")
	}
	c, err := started()
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{2_000, 20_000} {
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			rows := make([]ledger.Shard, n)
			for i := range rows {
				rows[i] = shard(i + 1)
			}
			for b.Loop() {
				l, err := ledger.OpenPostgres(b.Context(), effect.New(nil), address(c.Dir), freshRun())
				if err != nil {
					b.Fatal(err)
				}
				if err := errors.Join(l.AddShards(b.Context(), rows, map[string]string{"a": "b"}, nil), l.Close()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
