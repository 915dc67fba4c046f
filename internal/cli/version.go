package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (a *App) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version and how it was built",
		Long: `Version prints the version, the revision it was built from, and the version of Go.

Exit codes: 0 done`,
		Example: `  quarry version`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			revision, built := "unknown", ""
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					switch s.Key {
					case "vcs.revision":
						revision = s.Value
					case "vcs.time":
						built = s.Value
					}
				}
			}
			if a.json {
				return a.writeJSON(map[string]string{"version": a.Version, "revision": revision, "built": built, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH})
			}
			fmt.Fprintf(a.Stdout, "quarry %s (revision %s, %s, %s/%s)\n", a.Version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}
