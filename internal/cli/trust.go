package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/config"
	"quarry/internal/config/trust"
)

// flagless are settings that have no flag: they apply to every request.
var flagless = []string{"models", "quotas", "expire-days"}

// confirmFile lets a ./quarry.yaml that was not named take effect: what is harmless at once, the rest only if a person has
// confirmed the file in this place and with this content.
func (a *App) confirmFile(cmd *cobra.Command, l *config.Loaded) error {
	if l.File == "" {
		return nil
	}
	if l.Unasked == nil {
		a.say("%-10s %s", "settings", l.File)
		return nil
	}
	bound := func(name string) bool { return cmd.Flags().Lookup(name) != nil }
	inUse := func(n config.Need) bool {
		switch {
		case n.Name == "prompt.schema":
			return bound("model")
		case slices.Contains(flagless, n.Name):
			return bound("model") || bound("target")
		}
		return bound(n.Name)
	}
	needs := l.InForce(l.Unasked.Needs)
	unused := slices.DeleteFunc(slices.Clone(needs), inUse)
	needs = slices.DeleteFunc(needs, func(n config.Need) bool { return !inUse(n) })
	if l.Target == "aws" && l.Yes && bound("yes") && bound("attempts") {
		needs = append(needs, l.InForce(l.Unasked.Costly)...)
	}
	trusted := false
	if len(needs) > 0 || len(unused) > 0 {
		place, digest, err := identity(l.Unasked)
		if err != nil {
			return err
		}
		store, err := trust.Default()
		trusted = err == nil && store.Has(place, digest)
		if !trusted && len(needs) > 0 {
			if err := a.askTrust(cmd.Context(), l.Unasked.Path, needs); err != nil {
				return err
			}
			if err := store.Add(effect.New(nil), place, digest); err != nil {
				a.say("the confirmation is valid for this command only: %v", err)
			}
			trusted = true
		}
	}
	if !trusted {
		for _, n := range unused { // this command has no use for them, and shall not find one
			if err := l.Drop(n.Name); err != nil {
				return err
			}
		}
	}
	a.say("%-10s %s, found in this folder", "settings", l.File)
	return nil
}

// identity is what a confirmation is remembered by.
func identity(u *config.Unasked) (place, digest string, err error) {
	if place, err = trust.Place(u.Path); err != nil {
		return "", "", fmt.Errorf("find %s: %w", u.Path, err)
	}
	return place, trust.Digest(u.Contents...), nil
}

// askTrust asks whether settings of a file that was not named may take effect. Without a terminal the answer is no.
func (a *App) askTrust(ctx context.Context, path string, needs []config.Need) error {
	var what []string
	for _, n := range needs {
		what = append(what, fmt.Sprintf("%s: %s", strings.ReplaceAll(n.Name, "-", "_"), n.Value))
	}
	refused := func(err error) error {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "use the settings of", Subject: needs[0].At, Err: err,
			Hint: "read the file; then name it with -c " + path + ", or confirm its current content with: quarry config --trust",
		}
	}
	if !isTerminal(a.Stdin) {
		return refused(fmt.Errorf("the file was found in this folder and not named with -c, and it has not been confirmed; it sets %s",
			strings.Join(what, "; ")))
	}
	fmt.Fprintf(a.Stderr, "%s was found in this folder. It decides where documents go, what a run may do, or what it costs:\n", plain(path))
	for _, line := range what {
		fmt.Fprintln(a.Stderr, "  "+plain(line))
	}
	yes, err := a.yes(ctx, "Use these settings, and do not ask again until the file changes?")
	if err == nil && !yes {
		err = refused(errors.New("not confirmed"))
	}
	return err
}

// trustFile remembers that a person has confirmed a file of settings.
func (a *App) trustFile(path string) error {
	l, err := config.Load(config.Input{File: path, Judge: true, Env: func(string) (string, bool) { return "", false }})
	if err != nil {
		return err
	}
	if l.Unasked == nil {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "trust", Subject: config.DefaultFile, Err: errors.New("this folder has no such file"),
			Hint: "write one with: quarry init",
		}
	}
	place, digest, err := identity(l.Unasked)
	if err != nil {
		return err
	}
	store, err := trust.Default()
	if err == nil {
		err = store.Add(effect.New(nil), place, digest)
	}
	if err != nil {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "remember that", Subject: place + " is trusted", Err: err,
			Hint: "name the file with -c in each command instead",
		}
	}
	for _, n := range l.Unasked.Needs {
		a.say("  %s: %s", strings.ReplaceAll(n.Name, "-", "_"), n.Value)
	}
	a.say("%s is trusted with its current content; after a change, confirm it again", place)
	if a.json {
		return a.writeJSON(map[string]string{"file": place, "sha256": digest})
	}
	return nil
}
