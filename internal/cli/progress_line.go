package cli

import (
	"fmt"
	"os"
	"time"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"

	"quarry/internal/base/effect"
	"quarry/internal/compose"
	"quarry/internal/config"
)

// show rewrites the live line, at most ten times a second.
func (p *progress) show(text string) {
	if !p.live || p.closed || time.Since(p.last) < 100*time.Millisecond {
		return
	}
	p.last = time.Now()
	text = runewidth.Truncate(plain(text+"  "+seconds(time.Since(p.began).Seconds())), p.width()-1, "…")
	fmt.Fprint(p.app.Stderr, "\r\x1b[K"+text)
	p.line = text
}

// width is the terminal's, in cells; 80 where there is none.
func (p *progress) width() int {
	if f, ok := p.app.Stderr.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return w
		}
	}
	return 80
}

// keep prints a line that stays.
func (p *progress) keep(format string, args ...any) {
	if !p.app.quiet {
		p.keepAlways(format, args...)
	}
}

func (p *progress) keepAlways(format string, args ...any) {
	p.clear()
	fmt.Fprintln(p.app.Stderr, plain(fmt.Sprintf(format, args...)))
}

func (p *progress) clear() {
	if p.line != "" {
		fmt.Fprint(p.app.Stderr, "\r\x1b[K")
		p.line = ""
	}
}

// free takes the live line away, so that something else can be there.
func (p *progress) free() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.closed = true
}

// opens gives what a command does with its run directory once that is locked: it begins the log. Without settings none are kept.
func (p *progress) opens(command string, settings *config.Loaded, c *compose.Closers) func(*effect.Effects, string) error {
	return func(e *effect.Effects, dir string) (err error) {
		p.log, err = openRunLog(e, dir, command, p.app.Build.Version, settings, c)
		return err
	}
}
