package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// Build says which source a program was built from. What is not known is empty.
type Build struct {
	Version string // such as 0.1.0, without a v
	Commit  string // full hash
	Date    string // of the commit, RFC 3339 in UTC
}

// Linked completes what the linker was given (-X main.version=…) with what Go itself writes into a program: the module's version for
// `go install MODULE@VERSION`, commit and time for a build in a checkout.
func Linked(given Build) Build {
	if info, ok := debug.ReadBuildInfo(); ok {
		given = given.or(recorded(info))
	}
	return given.or(Build{Version: "dev"})
}

func recorded(info *debug.BuildInfo) Build {
	var b Build
	if info.Main.Version != "(devel)" {
		b.Version = strings.TrimPrefix(info.Main.Version, "v")
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = s.Value
		}
	}
	return b
}

func (b Build) or(other Build) Build {
	return Build{cmp.Or(b.Version, other.Version), cmp.Or(b.Commit, other.Commit), cmp.Or(b.Date, other.Date)}
}

func (a *App) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version and how it was built",
		Long: `Version prints the version, the commit it was built from and its date, and the version of Go.

Exit codes: 0 done`,
		Example: `  quarry version`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b, platform := a.Build, runtime.GOOS+"/"+runtime.GOARCH
			if a.json {
				return a.writeJSON(map[string]string{
					"version": b.Version, "commit": b.Commit, "date": b.Date, "go": runtime.Version(), "platform": platform,
					"revision": b.Commit, "built": b.Date, // their names in earlier versions
				})
			}
			fmt.Fprintf(a.Stdout, "quarry %s (commit %s, %s, %s, %s)\n",
				b.Version, cmp.Or(b.Commit, "unknown"), cmp.Or(b.Date, "date unknown"), runtime.Version(), platform)
			return nil
		},
	}
}
