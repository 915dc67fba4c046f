package compose

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/base/dbserver"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger/runner"
	"quarry/internal/config"
	"quarry/internal/outcome/publish"
	"quarry/internal/outcome/publish/contentful"
	"quarry/internal/outcome/publish/frontmatter"
	"quarry/internal/outcome/publish/ghost"
	"quarry/internal/outcome/publish/rest"
	"quarry/internal/outcome/publish/sqltable"
	"quarry/internal/outcome/publish/wordpress"
	"quarry/internal/prepare/source"
	"quarry/internal/prepare/source/database"
	ghostsource "quarry/internal/prepare/source/ghost"
	"quarry/internal/prepare/source/item"
	wordpresssource "quarry/internal/prepare/source/wordpress"
	"quarry/internal/run/book"
	"quarry/internal/run/prepare"
	"quarry/internal/run/remarks"
)

// PublishTo says what is published to.
type PublishTo struct {
	Target string // KIND:REST
	KeyEnv string // the variable with what opens the target
	// OnlyLook says that nothing will be written: the run directory is read, without a lock, and not changed.
	OnlyLook bool
}

// targets are the kinds of targets, as people write them.
var targets = []struct {
	form string
	open func(ctx context.Context, o *opening, rest string) (publish.Target, error)
}{
	{"wordpress:URL", openWordPress},
	{"ghost:URL", openGhost},
	{"contentful:SPACE/ENV", openContentful},
	{"sql:DSN#table", openTable},
	{"frontmatter:DIR", openFrontMatter},
}

// PublishTargets gives the forms of all targets.
func PublishTargets() []string {
	var forms []string
	for _, t := range targets {
		forms = append(forms, t.form)
	}
	return forms
}

// opening is what a target is opened with.
type opening struct {
	effects *effect.Effects
	run     quarry.RunID
	secret  string
	items   item.Config
}

// Publisher opens the run in a directory, or in Postgres if sh is not nil, and the target, and locks that the run publishes to, unless it only looks. What it
// gives lacks the templates and the conditions.
func (pr *Program) Publisher(ctx context.Context, s *config.Settings, sh *Shared, to PublishTo, c *Closers) (p *publish.Publisher, err error) {
	req, err := pr.Request(s)
	if err != nil {
		return nil, err
	}
	run, err := pr.finishedAsNow(ctx, s, req)
	if err != nil {
		return nil, err
	}
	e := effect.New(nil)
	target, err := pr.openTarget(ctx, s, e, run, to)
	if err != nil {
		return nil, err
	}
	c.Add(target.Close)
	var journal *publish.Journal
	if sh != nil {
		journal, err = sh.publishJournal(ctx, target.Name(), to.OnlyLook, c)
	} else {
		journal, err = openPublishJournal(ctx, s, e, run, target.Name(), to.OnlyLook, c)
	}
	if err != nil {
		return nil, err
	}
	c.Add(journal.Close)
	cfg := prepare.Config{Clean: req.Clean, Prompt: req.Renderer, Long: req.Long}
	return &publish.Publisher{Target: target, Journal: journal, Run: run, Key: cfg.Keyer()}, nil
}

// finishedAsNow gives the run in the directory. Its last finished pass must have been sent with these settings: otherwise
// every article would look changed.
func (pr *Program) finishedAsNow(ctx context.Context, s *config.Settings, req *Request) (id quarry.RunID, err error) {
	noRun := &quarry.Error{
		Kind: quarry.BadUsage, Op: "open run", Subject: s.Dir, Err: errors.New("this directory holds no finished run"),
		Hint: "name the run directory with --dir, or finish the run: quarry run SOURCE",
	}
	l, err := readLedger(ctx, s, s.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return "", noRun
	}
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	b := book.Of(l)
	head, err := b.Head(ctx)
	if err != nil {
		return "", err
	}
	if head.Finished == 0 {
		return "", noRun
	}
	pass, err := b.Pass(ctx, head.Finished)
	if err != nil {
		return "", err
	}
	var other []string
	for name, value := range req.Choices {
		was, known := pass.Choices[name]
		if known && was != value && (strings.HasPrefix(name, "prompt.") || slices.Contains(decidesText, name)) {
			other = append(other, name)
		}
	}
	if len(other) == 0 {
		return head.Run, nil
	}
	slices.Sort(other)
	return "", &quarry.Error{
		Kind: quarry.BadUsage, Op: "publish", Subject: s.Dir,
		Err:  fmt.Errorf("these settings are not those of the run: %s", strings.Join(other, ", ")),
		Hint: "give the flags and the quarry.yaml of the run: publish finds by them whether an article is still the text that was sent",
	}
}

// decidesText are the settings, in addition to those of the prompt, that decide what is sent for a document.
var decidesText = []string{"model", "as", "body_format", "long", "max_chars", "max_text_tokens", "clean"}

func (pr *Program) openTarget(
	ctx context.Context, s *config.Settings, e *effect.Effects, run quarry.RunID, to PublishTo,
) (publish.Target, error) {
	kind, rest, _ := strings.Cut(to.Target, ":")
	at := slices.IndexFunc(targets, func(t struct {
		form string
		open func(context.Context, *opening, string) (publish.Target, error)
	},
	) bool {
		return strings.HasPrefix(t.form, kind+":")
	})
	if at < 0 || kind == "" || rest == "" {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "publish", Subject: "--to " + to.Target, Err: errors.New("unknown target"),
			Hint: "want one of " + strings.Join(PublishTargets(), ", "),
		}
	}
	o := &opening{effects: e, run: run, items: item.Config{Fields: s.Fields, MaxBytes: s.MaxItemMiB << 20}}
	for _, w := range s.Where {
		condition, err := source.ParseCondition(w)
		if err != nil {
			return nil, BadSetting("where", err)
		}
		o.items.Where = append(o.items.Where, condition)
	}
	if to.KeyEnv != "" {
		var ok bool
		if o.secret, ok = pr.Env(to.KeyEnv); !ok || o.secret == "" {
			return nil, BadSetting("to-key-env", fmt.Errorf("the variable %s is not set", to.KeyEnv))
		}
	}
	return targets[at].open(ctx, o, rest)
}

func openFrontMatter(_ context.Context, o *opening, rest string) (publish.Target, error) {
	bad := func(err error) (publish.Target, error) {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "publish to frontmatter:" + rest, Err: err, Hint: "name the folder that was the source of the run",
		}
	}
	path, err := filepath.Abs(rest)
	if err != nil {
		return bad(err)
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return bad(errors.New("there is no such folder"))
	}
	return &frontmatter.Target{Dir: path, Run: string(o.run), Effects: o.effects, Items: o.items}, nil
}

func openWordPress(ctx context.Context, o *opening, site string) (publish.Target, error) {
	bad := func(err error) error {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "publish to wordpress", Err: err,
			Hint: "wordpress:https://HOST; put the login into an environment variable and name that with --to-key-env",
		}
	}
	address, err := wordpresssource.Posts(site)
	if err != nil {
		return nil, bad(err)
	}
	if o.secret == "" {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "publish to wordpress:" + address, Err: errors.New("no login"),
			Hint: "put USER:APPLICATION PASSWORD into an environment variable and name that with --to-key-env",
		}
	}
	client := o.effects.HTTPClient(effect.HTTPConfig{MaxConnsPerHost: 2})
	noAnswer := (*quarry.Error)(nil)
	address, _, err = wordpresssource.Find(ctx, client, site)
	switch {
	case ctx.Err() != nil || errors.As(err, &noAnswer):
		return nil, err
	case err != nil:
		return nil, bad(err)
	}
	authorization := source.Authorization(o.secret)
	return &wordpress.Target{URL: address, Items: o.items, Client: rest.Client{
		Name: "wordpress:" + address, HTTP: client, Said: wordpress.Said,
		Authorize: func(r *http.Request) error { r.Header.Set("Authorization", authorization); return nil },
		LoginHint: "log in with an application password of a user who may edit these posts",
	}}, nil
}

func openGhost(_ context.Context, o *opening, site string) (publish.Target, error) {
	address, err := ghost.Site(site)
	if err != nil {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "publish to ghost", Err: err, Hint: "ghost:https://HOST, the address of the site's admin"}
	}
	const hint = "put the Admin API key of a custom integration, ID:SECRET, into an environment variable and name that with --to-key-env"
	authorize, err := ghostsource.Authorize(o.secret)
	if err != nil {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "publish to ghost:" + address, Err: err, Hint: hint}
	}
	return &ghost.Target{URL: address, Items: o.items, Client: rest.Client{
		Name: "ghost:" + address, HTTP: o.effects.HTTPClient(effect.HTTPConfig{MaxConnsPerHost: 2}), Said: ghostsource.Said,
		Authorize: authorize, LoginHint: hint,
	}}, nil
}

func openContentful(_ context.Context, o *opening, space string) (publish.Target, error) {
	address, err := contentful.Environment(space)
	const hint = "put a token for the Content Management API into an environment variable and name that with --to-key-env"
	switch {
	case err != nil:
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "publish to contentful", Err: err, Hint: "contentful:SPACE/ENV, such as contentful:abc123/master"}
	case o.secret == "":
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "publish to contentful:" + space, Err: errors.New("no token"), Hint: hint}
	}
	authorization := "Bearer " + o.secret
	return &contentful.Target{Label: space, URL: address, Items: o.items, Client: rest.Client{
		Name: "contentful:" + space, HTTP: o.effects.HTTPClient(effect.HTTPConfig{MaxConnsPerHost: 2}), Said: contentful.Said,
		Authorize: func(r *http.Request) error { r.Header.Set("Authorization", authorization); return nil },
		LoginHint: hint, RateReset: "X-Contentful-RateLimit-Reset",
	}}, nil
}

func openTable(ctx context.Context, o *opening, rest string) (publish.Target, error) {
	bad := func(err error, hint string) (publish.Target, error) {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "publish to a table", Err: err, Hint: hint}
	}
	if dbserver.Is(rest) {
		db, err := database.Open(rest, o.secret)
		if err != nil {
			return bad(err, "sql:postgres://USER@HOST/NAME#TABLE; put the password into an environment variable and name that with --to-key-env")
		}
		return sqltable.Open(ctx, o.effects, db, o.items)
	}
	rest = strings.TrimPrefix(rest, "sqlite:")
	path, table, _ := strings.Cut(rest, "#")
	path, err := filepath.Abs(path)
	if err != nil {
		return bad(err, "")
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return bad(fmt.Errorf("%s is not a file", path), "sql:blog.db#posts, or the address of a Postgres or MySQL database")
	}
	db := database.SQLite(path)
	db.Table = table
	return sqltable.Open(ctx, o.effects, db, o.items)
}

// openPublishJournal opens the journal of a target below the run directory, and locks it. If nothing will be written, it opens a copy: what
// a plan finds out of interrupted writes is noted there and forgotten.
func openPublishJournal(
	ctx context.Context, s *config.Settings, e *effect.Effects, run quarry.RunID, target string, onlyLook bool, c *Closers,
) (*publish.Journal, error) {
	dir := filepath.Join(s.Dir, journalOf(target))
	if onlyLook {
		copied, err := e.TempDir("")
		if err != nil {
			return nil, err
		}
		c.Add(func() error { return e.RemoveAll(copied) })
		if err := publish.CopyJournal(ctx, e, dir, copied); err != nil {
			return nil, err
		}
		return publish.OpenJournal(ctx, e, copied, target, run)
	}
	if err := e.MkdirAll(dir); err != nil {
		return nil, err
	}
	release, err := e.TryLock(dir)
	if errors.Is(err, effect.ErrLocked) {
		return nil, publishing(target, errors.New("another process publishes this run to it"))
	}
	if err != nil {
		return nil, err
	}
	c.Add(release)
	return publish.OpenJournal(ctx, e, dir, target, run)
}

// publishing is the error of a target to which another process publishes the run.
func publishing(target string, err error) error {
	var held *quarry.Error
	if errors.As(err, &held) {
		err = held.Err
	}
	return &quarry.Error{Kind: quarry.Locked, Op: "publish to " + target, Err: err, Hint: "wait for it to end"}
}

// journalOf is the name of the journal of a target.
func journalOf(target string) string {
	kind, _, _ := strings.Cut(target, ":")
	sum := sha256.Sum256([]byte(target))
	return filepath.Join("publish", kind+"-"+hex.EncodeToString(sum[:6]))
}

// publishJournal makes the journal of a target from what is kept of it in the bucket. Unless nothing will be written, one process on all machines
// has it at a time: a lock of the ledger keeps out others, and no write begins after it was lost.
func (sh *Shared) publishJournal(ctx context.Context, target string, onlyLook bool, c *Closers) (*publish.Journal, error) {
	var lock *runner.Runner
	var err error
	if !onlyLook {
		lock, err = runner.Hold(ctx, sh.address, sh.cfg.Run, "publish to "+target)
		if errors.Is(err, runner.ErrHeld) {
			return nil, publishing(target, err)
		}
		if err != nil {
			return nil, err
		}
		c.Add(lock.Close)
	}
	name := journalOf(target)
	dir, err := sh.effects.TempDir(sh.Dir)
	if err != nil {
		return nil, err
	}
	c.Add(func() error { return sh.effects.RemoveAll(dir) })
	path := filepath.Join(dir, "journal.jsonl")
	log := remarks.OpenLog(sh.cfg.Bucket, sh.effects, sh.cfg.Run, filepath.ToSlash(name), path)
	if err := log.Update(ctx); err != nil {
		return nil, err
	}
	j, err := publish.OpenJournal(ctx, sh.effects, dir, target, sh.cfg.Run)
	if err != nil {
		return nil, err
	}
	lines, err := os.Open(path)
	if err == nil {
		err = errors.Join(j.Replay(ctx, lines), lines.Close())
	} else if errors.Is(err, os.ErrNotExist) {
		err = j.Replay(ctx, strings.NewReader(""))
	}
	if err != nil {
		return nil, errors.Join(err, j.Close())
	}
	if !onlyLook {
		j.Keep(func(ctx context.Context, lines []byte) error {
			if err := log.Append(ctx, lines); err != nil {
				return err
			}
			return lock.Held()
		})
	}
	return j, nil
}
